"""The drawing is valid XML with one lane for each node, whatever the names and the title."""

from xml.etree import ElementTree

from qutrio.sim.scenario.drawing import EXPECTATIONS_MAX, ROWS_MAX, draw
from qutrio.sim.scenario.svg import Sheet, shortened, width_of
from tests.sim.scenario.stories import played

SVG = "{http://www.w3.org/2000/svg}"
BUSY = """
    at 5s: cut alpha -> bravo for 10s
    at 8s: target web fails
    at 20s: suspend alpha for 10s
    at 25s: blind charlie for 10s
    at 40s: target web recovers
    at 45s: crash bravo for 5s
    at 50s: cut charlie
    at 55s: join node delta
    at 58s: remove node bravo
"""
HEAD = 'title: a <b> & "c" \' ]]> d\nchecks: {web: {interval: 2s}}'


def texts(drawing: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in drawing.iter(f"{SVG}text")]


def tips(drawing: ElementTree.Element) -> list[str]:
    return [title.text or "" for shape in drawing for title in shape.iter(f"{SVG}title")]


def test_everything_that_happened_is_drawn() -> None:
    story = played(BUSY, "never: two masters\nat 1m: master is charlie", HEAD)
    drawing = ElementTree.fromstring(draw(story))
    written = texts(drawing)
    for word in ("alpha", "bravo", "charlie", "delta", "web", "suspended", "down", "web down"):
        assert word in written
    assert any(text.startswith("acts, term ") for text in written)
    assert [text for text in written if text.startswith("cut alpha -> bravo")]
    assert {"✓", "✗"} <= set(written)
    hints = " ".join(tips(drawing))
    for word in (
        "alpha is not heard: cut alpha",
        "bravo does not hear: cut alpha",
        "charlie votes abstain on web",
        "alpha votes fail on web",
        "tells mail: web recovered",
        "alpha is suspended from 20s to 30s",
        "web is down from",
    ):
        assert word in hints


def test_a_title_cannot_break_out() -> None:
    story = played("", "", HEAD)
    drawing = ElementTree.fromstring(draw(story))
    assert drawing[0].text == 'a <b> & "c" \' ]]> d'
    assert list(drawing.iter(f"{SVG}b")) == []


def test_what_xml_cannot_hold_is_replaced() -> None:
    sheet = Sheet(10, 10)
    sheet.text(0, 0, "bell \x07 and \ud800", "f-ink", tip="\x00")
    (text,) = ElementTree.fromstring(sheet.render()).iter(f"{SVG}text")
    assert text.text == "bell ? and ?"


def test_both_colour_schemes_are_there() -> None:
    drawing = draw(played())
    assert "prefers-color-scheme: dark" in drawing
    assert drawing.count(".f-ink {") == 2


def test_a_story_of_hundreds_of_lines_keeps_its_measure() -> None:
    timeline = "\n".join(f"at {n / 10}s: delay {n + 1}ms" for n in range(200))
    expect = "\n".join(["never: two masters"] * (EXPECTATIONS_MAX + 5))
    drawing = ElementTree.fromstring(draw(played(timeline, expect)))
    written = texts(drawing)
    assert any(text.startswith("done (+") for text in written)
    assert "expected (+5)" in written
    assert float(drawing.get("height", "0")) < 600 + ROWS_MAX * 25 + EXPECTATIONS_MAX * 25


def test_the_story_of_a_day_has_an_axis_that_can_be_read() -> None:
    story = played()
    story.story.end_s = 86_400.0
    ticks = [text for text in texts(ElementTree.fromstring(draw(story))) if text.endswith("h")]
    assert "20h" in ticks
    assert len(ticks) <= 30


def test_text_is_cut_to_what_fits() -> None:
    assert shortened("short", 100) == "short"
    long = shortened("much too long for this", 60)
    assert long.endswith("…")
    assert width_of(long) <= 60
    assert shortened("anything", 5) == ""
