"""Writes SVG drawings: plain elements, escaped text, two colour schemes."""

from types import MappingProxyType
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from attrs import define, field

CHAR_PX = 6.3
"""The approximate width of a character of 11 px; drawn text is never wider than computed."""
_SANS = "ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif"
_COLOURS: Final = MappingProxyType(
    {
        "paper": ("#ffffff", "#0d1117"),
        "ink": ("#1f2328", "#e6edf3"),
        "mute": ("#59636e", "#9da7b3"),
        "grid": ("#d8dee4", "#2b323b"),
        "runs": ("#d5dfeb", "#2c3a4c"),
        "acts": ("#2563c9", "#3f83f8"),
        "onacts": ("#ffffff", "#ffffff"),
        "alone": ("#f0cf8d", "#7a5f1d"),
        "asleep": ("#aeb7c1", "#565f6a"),
        "bad": ("#c9252d", "#ff6a69"),
        "good": ("#1f883d", "#3fb950"),
        "vague": ("#8b949e", "#8b949e"),
        "deed": ("#ece3f7", "#31264a"),
        "deedline": ("#8250df", "#a475f9"),
    }
)
"""The colours in the light and the dark scheme."""
_HATCH: Final = MappingProxyType(
    {
        "id": "hatch",
        "width": "6",
        "height": "6",
        "patternUnits": "userSpaceOnUse",
        "patternTransform": "rotate(45)",
    }
)


def printable(text: str) -> str:
    """Return text without characters that XML cannot contain."""
    return "".join(c if c.isprintable() else "?" for c in text)


def width_of(text: str, size: float = 11) -> float:
    """Return the approximate width of a text in pixels."""
    return len(text) * CHAR_PX * size / 11


def shortened(text: str, pixels: float, size: float = 11) -> str:
    """Return as much of a text as fits; empty if nothing does."""
    if width_of(text, size) <= pixels:
        return text
    fitting = int(pixels / (CHAR_PX * size / 11)) - 1
    return text[:fitting].rstrip() + "…" if fitting > 2 else ""  # noqa: PLR2004 - letters


@define
class Sheet:
    """An SVG drawing.  Lengths are pixels; classes name colours: `f-` fills, `s-` strokes."""

    width: float
    height: float
    _root: Element = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Add the styles and the background."""
        width, height = f"{self.width:g}", f"{self.height:g}"
        size = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
        self._root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
        SubElement(self._root, "title")
        SubElement(self._root, "style").text = _styles()
        hatch = SubElement(SubElement(self._root, "defs"), "pattern", dict(_HATCH))
        for width, colour in (("6", "f-runs"), ("3", "f-asleep")):
            SubElement(hatch, "rect", {"width": width, "height": "6", "class": colour})
        self.box(0, 0, self.width, self.height, "f-paper")

    def name(self, title: str) -> None:
        """Set the title, which describes the drawing to screen readers."""
        self._root[0].text = printable(title)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        looks: str,
        *,
        tip: str = "",
        r: int = 0,
    ) -> None:
        """Draw a rectangle; `r` rounds its corners."""
        shape = {"x": _px(x), "y": _px(y), "width": _px(width), "height": _px(height)}
        if r:
            shape["rx"] = str(r)
        self._add("rect", {**shape, "class": looks}, tip)

    def line(
        self, x1: float, y1: float, x2: float, y2: float, looks: str, *, tip: str = ""
    ) -> None:
        """Draw a straight line."""
        shape = {"x1": _px(x1), "y1": _px(y1), "x2": _px(x2), "y2": _px(y2)}
        self._add("line", {**shape, "class": looks}, tip)

    def shape(self, points: list[tuple[float, float]], looks: str, *, tip: str = "") -> None:
        """Draw a polygon."""
        told = " ".join(f"{_px(x)},{_px(y)}" for x, y in points)
        self._add("polygon", {"points": told, "class": looks}, tip)

    def text(self, x: float, y: float, text: str, looks: str, *, tip: str = "") -> None:
        """Write a text with baseline `y`; classes `middle` and `end` move it left."""
        self._add("text", {"x": _px(x), "y": _px(y), "class": looks}, tip).text = printable(text)

    def render(self) -> str:
        """Return the file."""
        indent(self._root, " ")
        return tostring(self._root, encoding="unicode") + "\n"

    def _add(self, tag: str, attributes: dict[str, str], tip: str) -> Element:
        element = SubElement(self._root, tag, attributes)
        if tip:
            SubElement(element, "title").text = printable(tip)
        return element


def _px(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")


def _styles() -> str:
    plain = [
        f"text {{ font: 11px {_SANS}; }}",
        ".h { font-size: 16px; font-weight: 600; }",
        ".b { font-weight: 600; }",
        ".small { font-size: 10px; }",
        ".middle { text-anchor: middle; }",
        ".end { text-anchor: end; }",
        ".none { fill: none; }",
        ".dash { stroke-dasharray: 3 3; }",
        ".fat { stroke-width: 2; }",
        ".dots { stroke-width: 2; stroke-dasharray: 1 4; }",
        ".f-hatch { fill: url(#hatch); }",
    ]
    dark = f"@media (prefers-color-scheme: dark) {{ {' '.join(_scheme(1))} }}"
    return "\n".join(["", *plain, *_scheme(0), dark, ""])


def _scheme(which: int) -> list[str]:
    return [
        f".{kind}-{name} {{ {what}: {values[which]}; }}"
        for kind, what in (("f", "fill"), ("s", "stroke"))
        for name, values in _COLOURS.items()
    ]
