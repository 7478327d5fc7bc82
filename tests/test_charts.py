"""What holds for every kind of chart."""

from xml.etree import ElementTree

import pytest

from understudy.charts import Chart
from understudy.charts.bars import Bars
from understudy.charts.bins import Bin
from understudy.charts.frame import WIDTH
from understudy.charts.histogram import Histogram
from understudy.charts.lines import Lines
from understudy.charts.reliability import Reliability

BAD = '"><script>alert(1)</script>\x00\u202e' + "x" * 500
CHARTS: list[Chart] = [
    Lines(BAD, BAD, (1, 2), {BAD: (0.1, 0.2)}, BAD),
    Bars(BAD, {BAD: 1, BAD + "2": 2}, BAD, BAD),
    Histogram(BAD, BAD, (0, 1), (1,), BAD, BAD),
    Reliability(BAD, BAD, (Bin(0, 1, 1, 0.5, 1),), BAD, BAD),
]
ELEMENTS = {"svg", "title", "desc", "line", "text", "g", "polyline", "circle", "rect"}
ATTRIBUTES = {
    "viewBox", "role", "class", "x", "y", "x1", "x2", "y1", "y2", "dy", "text-anchor", "points", "cx",
    "cy", "r", "width", "height",
}  # fmt: skip


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: type(chart).__name__)
def test_hostile_text_stays_text(chart: Chart) -> None:
    root = ElementTree.fromstring(chart.draw())

    assert {element.tag for element in root.iter()} <= ELEMENTS
    assert {name for element in root.iter() for name in element.attrib} <= ATTRIBUTES


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: type(chart).__name__)
def test_a_chart_is_a_picture_with_a_title_and_a_description(chart: Chart) -> None:
    root = ElementTree.fromstring(chart.draw())

    assert (root.attrib["role"], [child.tag for child in root][:2]) == ("img", ["title", "desc"])
    assert root.attrib["viewBox"].startswith(f"0 0 {WIDTH} ")
    assert len(root[1].text or "") > 10
