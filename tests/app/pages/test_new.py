from starlette.testclient import TestClient

from archsmith.app.house import House


def test_data_can_be_sent_or_chosen(client: TestClient) -> None:
    text = client.get("/new").text
    assert "Choose a file" in text
    assert "upload.js" in text
    assert "/data/digits" in text


def test_a_path_is_asked_for_only_where_it_is_allowed(client: TestClient, house: House) -> None:
    assert "Or name a path" not in client.get("/new").text
