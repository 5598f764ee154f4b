from __future__ import annotations

from archsmith.analysis.placing import along, apart, around, freest, overlap


def test_boxes_overlap_where_they_share_space() -> None:
    assert overlap((0.0, 10.0, 10.0, 10.0), (5.0, 12.0, 10.0, 10.0))
    assert not overlap((0.0, 10.0, 10.0, 10.0), (10.0, 10.0, 10.0, 10.0))
    assert not overlap((0.0, 10.0, 10.0, 10.0), (0.0, 20.0, 10.0, 10.0))


def test_a_line_is_covered_from_end_to_end() -> None:
    boxes = along([(0.0, 0.0), (100.0, 0.0), (100.0, 50.0)])
    for point in ((0.0, 0.0), (50.0, 0.0), (100.0, 48.0)):
        assert any(overlap(around(*point, 6.0), box) for box in boxes)
    assert not any(overlap(around(50.0, 30.0, 6.0), box) for box in boxes)


def test_a_word_goes_to_the_first_free_place() -> None:
    places = [(0.0, 10.0), (0.0, 50.0), (0.0, 90.0)]
    assert freest(places, 20.0, 10.0, [], []) == places[0]
    assert freest(places, 20.0, 10.0, [], [around(5.0, 5.0, 2.0)]) == places[1]


def test_without_a_free_place_a_word_rather_covers_points_than_words() -> None:
    places = [(0.0, 10.0), (0.0, 50.0)]
    points = [around(5.0, 45.0, 2.0), around(8.0, 45.0, 2.0)]
    assert freest(places, 20.0, 10.0, [(0.0, 10.0, 20.0, 10.0)], points) == places[1]


def test_names_are_moved_apart_but_stay_inside() -> None:
    assert apart([5.0, 6.0, 40.0], 10.0, 0.0, 50.0) == [5.0, 15.0, 40.0]
    assert apart([48.0, 49.0], 10.0, 0.0, 50.0) == [40.0, 50.0]
