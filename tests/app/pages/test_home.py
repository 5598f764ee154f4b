from starlette.testclient import TestClient


def test_the_page_of_studies_opens(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.status_code == 200
    assert "Studies" in answer.text
