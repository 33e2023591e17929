"""Names are sorted with their numbers in numeric order."""

from qutrio.model.names import natural_order


def test_numbers_in_names_are_ordered_by_value() -> None:
    wanted = ["2", "10", "api", "Web1", "web2", "web2a", "web02b", "web10", "web10-1", "x"]
    assert sorted(set(wanted), key=natural_order) == wanted


def test_names_that_differ_by_case_alone_have_an_order_too() -> None:
    assert sorted(["web", "WEB"], key=natural_order) == ["WEB", "web"]
