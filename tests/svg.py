"""What a test reads off an SVG picture."""

import re
from xml.etree import ElementTree


def texts(svg: str, tag: str = "text") -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(tag)]


def points(svg: str) -> list[list[tuple[float, float]]]:
    """Of each line, in order."""
    return [
        [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())]
        for line in re.findall(r'<polyline points="([^"]*)"', svg)
    ]


def rects(svg: str) -> list[dict[str, float]]:
    """`x`, `y`, `width` and `height` of each bar."""
    return [
        {name: float(element.attrib[name]) for name in ("x", "y", "width", "height")}
        for element in ElementTree.fromstring(svg).iter("rect")
    ]
