"""Drawings: whole XML, marks that are as long as their numbers, and colours that all eyes tell apart."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cards import plots
from pipeline.cards.plots import KINDS, STEPS, Bar, Curve, Dot, Figure, Leaf, bar, bars, columns, curves, dots, heat
from pipeline.cards.plots.equal_earth import HIGH, WIDE, projected
from pipeline.cards.plots.labels import LETTER, NARROW, Rows, letters
from pipeline.cards.plots.scale import Linear, Log, class_of, steps_of
from pipeline.cards.plots.treemap import squarified, treemap
from pipeline.cards.plots.world_map import CELL, cells_of, coast, world_map

SVG = "{http://www.w3.org/2000/svg}"
LABELS = st.text(max_size=30)
SIZES = st.integers(0, 10**9)


def parsed(figure: Figure) -> ET.Element:
    return ET.fromstring(figure.file())


def marks(figure: Figure, tag: str) -> list[ET.Element]:
    return [each for each in parsed(figure).iter(f"{SVG}{tag}") if "c-" in each.get("class", "")]


def percent(element: ET.Element, name: str) -> float:
    return float(element.get(name, "0").removesuffix("%"))


@given(st.lists(st.tuples(LABELS, SIZES), max_size=12))
def test_bars_are_as_long_as_their_numbers(rows: list[tuple[str, int]]) -> None:
    figure = bars("b", "Bars", [bar(label, size) for label, size in rows], "images")
    drawn = marks(figure, "rect")
    sizes = [size for _, size in rows if size]
    assert len(drawn) == len(sizes)
    longest = max(sizes, default=1)
    places = Rows.of([label for label, _ in rows], [f"{size:,}" for _, size in rows], 22)
    for size, each in zip(sizes, drawn, strict=True):
        wide = percent(each, "width")
        whole = (places.right - places.left) * size / longest
        assert wide == pytest.approx(whole, abs=0.02) or (size / longest < 0.004 and wide == 0.15)
        assert percent(each, "x") == places.left


@given(st.lists(st.tuples(LABELS, st.text(max_size=12)), min_size=1, max_size=12))
def test_labels_and_numbers_fit_the_narrowest_page(rows: list[tuple[str, str]]) -> None:
    figure = bars("b", "Bars", [Bar(label, (("kept", 1, ""),), note) for label, note in rows], "images")
    texts = list(parsed(figure).iter(f"{SVG}text"))[: 2 * len(rows)]
    begin = min(percent(each, "x") for each in marks(figure, "rect"))
    end = max(percent(each, "x") + percent(each, "width") for each in marks(figure, "rect"))
    for label, note in zip(texts[::2], texts[1::2], strict=True):
        room = NARROW if percent(label, "x") == 0 else NARROW * begin / 100
        assert letters(label.text or "") * LETTER <= room + 1
        assert letters(note.text or "") * LETTER <= NARROW * (100 - end) / 100 + 1


@given(st.lists(st.lists(SIZES, min_size=1, max_size=6), min_size=1, max_size=6))
def test_parts_of_a_share_fill_their_row(rows: list[list[int]]) -> None:
    figure = plots.shares("s", "Shares", [Bar("x", tuple(("kept", n, "") for n in row)) for row in rows], "rows")
    ends = {}
    for each in marks(figure, "rect"):
        ends[each.get("y")] = percent(each, "x") + percent(each, "width")
    assert len(ends) == sum(any(row) for row in rows)
    right = Rows.of(["x"], [f"{sum(row):,}" for row in rows], 22).right
    assert all(end == pytest.approx(right, abs=0.2) for end in ends.values())


@given(st.lists(st.tuples(LABELS, SIZES, st.one_of(st.none(), SIZES)), max_size=12))
def test_dots_stand_in_the_order_of_their_numbers_and_zero_has_none(rows: list[tuple[str, int, int | None]]) -> None:
    figure = dots("d", "Dots", [Dot(label, size, second=second) for label, size, second in rows], "rows")
    large = [each for each in marks(figure, "circle") if each.get("r") == "5"]
    sizes = [size for _, size, _ in rows if size]
    assert len(large) == len(sizes)
    places = [percent(each, "cx") for each in large]
    room = Rows.of([label for label, _, _ in rows], [f"{size:,}" for _, size, _ in rows], 20)
    assert all(room.left + 2 <= place <= room.right - 2 for place in places)
    order = sorted(range(len(sizes)), key=lambda at: sizes[at])
    assert [places[at] for at in order] == sorted(places)


@given(st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 4)), SIZES), st.booleans())
def test_a_cell_is_drawn_for_every_number_and_its_step_never_falls_as_it_grows(
    cells: dict[tuple[int, int], int], numbers: bool
) -> None:
    figure = heat("h", "Heat", list("abcde"), list("wxyz"), cells, "images", numbers=numbers)
    steps = {}
    for each in parsed(figure).iter(f"{SVG}rect"):
        title = each.find(f"{SVG}title")
        if title is not None and title.text:
            number = int(title.text.split(": ")[1].split()[0].replace(",", ""))
            steps[number] = int(str(each.get("class"))[2:])
    assert set(steps) == {value for value in cells.values() if value}
    assert [steps[number] for number in sorted(steps)] == sorted(steps.values())


def test_a_curve_steps_at_every_point_and_ends_at_the_last() -> None:
    figure = curves("t", "Tail", [Curve("kept", [(1, 100), (10, 10), (100, 1)])], "rank", "images")
    (path,) = [each for each in parsed(figure).iter(f"{SVG}path") if "curve" in each.get("class", "")]
    assert path.get("d") == "M110 0H545V110H980V220"
    lone = curves("t", "Tail", [Curve("kept", [(1, 7)])], "rank", "images")
    assert re.search(r"M110 [\d.]+h12", lone.body), "a line of one point is seen"
    assert parsed(curves("n", "None", [], "rank", "images")).tag == f"{SVG}svg"


def test_columns_have_the_height_of_their_numbers_and_labels_that_fit_a_telephone() -> None:
    rows = [(f"{1 << at}-{(2 << at) - 1}", 2**at) for at in range(12)]
    figure = columns("c", "Columns", rows, "images", "taxa", mark=("4-7", "limit"))
    heights = [float(str(each.get("height"))) for each in marks(figure, "rect")]
    assert heights == pytest.approx([130 * size / 2048 for _, size in rows], abs=0.01)
    labels = [each.text for each in parsed(figure).iter(f"{SVG}text") if each.text in dict(rows)]
    assert sum(len(str(label)) + 1 for label in labels) <= 46


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=60))
def test_areas_of_a_treemap_are_its_numbers(sizes: list[int]) -> None:
    sizes.sort(reverse=True)
    placed = squarified(sizes, 0, 0, 1000, 420)
    whole = sum(sizes)
    for size, (x, y, wide, high) in zip(sizes, placed, strict=True):
        assert wide * high == pytest.approx(420_000 * size / whole, rel=1e-6, abs=1e-6)
        assert x >= -1e-6 and x + wide <= 1000 + 1e-6 and y >= -1e-6 and y + high <= 420 + 1e-6
    for (a, b, c, d), (e, f, g, h) in combinations(placed[:12], 2):
        across, down = min(a + c, e + g) - max(a, e), min(b + d, f + h) - max(b, f)
        assert across <= 1e-6 or down <= 1e-6, "two rectangles lie over each other"


def test_small_families_of_a_class_are_drawn_together_and_none_is_lost() -> None:
    leaves = [Leaf("Insecta", f"family {at}", 1 if at else 100_000) for at in range(3000)]
    figure = treemap("t", "Families", leaves, "images")
    told = [title.text or "" for title in parsed(figure).iter(f"{SVG}title")]
    assert "Insecta, 2,999 families: 2,999 images" in told
    assert len(figure.body) < 20_000


def test_a_thousand_groups_are_the_largest_and_the_others() -> None:
    figure = treemap("t", "Families", [Leaf(f"class {at}", "family", 1000 - at) for at in range(1000)], "images")
    frames = [each for each in parsed(figure).iter(f"{SVG}rect") if each.get("class") == "group"]
    told = "".join(title.text or "" for title in parsed(figure).iter(f"{SVG}title"))
    assert len(frames) == 80 and "921 others, 921 families: 424,581 images" in told
    assert len(figure.body) < 60_000


def test_names_of_columns_stand_upright_where_they_would_lie_over_each_other() -> None:
    short = heat("h", "H", ["a", "b"], ["x"], {(0, 0): 1}, "images")
    assert "upright" not in short.body
    names = [f"a long source {at}" for at in range(8)]
    figure = heat("h", "H", names, ["x"], {(0, at): 10**6 * (at + 1) for at in range(8)}, "images", numbers=True)
    assert figure.body.count('class="upright"') == 8
    assert ">8,000,000<" not in figure.body, "a number that has no room is not written"
    assert "8,000,000 images" in figure.body, "but said"


@pytest.mark.parametrize("sizes", [[], [0, 0]])
def test_nothing_is_drawn_as_nothing(sizes: list[int]) -> None:
    leaves = [Leaf("a", str(at), size) for at, size in enumerate(sizes)]
    assert "leaf" not in treemap("t", "T", leaves, "images").body
    assert world_map("m", "M", [], "images")[0].body.count("cells") == 0


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 1000)), max_size=50))
def test_no_place_is_lost_from_the_map(places: list[tuple[float, float, int]]) -> None:
    cells = cells_of(places)
    assert sum(cells.values()) == sum(many for _, _, many in places)
    assert all(0 <= x <= WIDE // CELL and 0 <= y <= HIGH // CELL for x, y in cells)


def test_equal_areas_of_the_earth_are_equal_on_the_map() -> None:
    def area(lat: float) -> float:
        (x0, y0), (_, y1) = projected(lat, 0), projected(lat + 0.1, 0.1)
        side = projected(lat, 0.1)[0] - x0
        return abs(side * (y1 - y0))

    at_equator = area(0)
    for lat in (15, 40, 65, 80):
        exact = np.sin(np.radians(lat + 0.1)) - np.sin(np.radians(lat))
        assert area(lat) / at_equator == pytest.approx(exact / np.sin(np.radians(0.1)), rel=0.01)


def test_the_coast_is_small_and_no_line_of_it_crosses_the_map() -> None:
    path = coast()
    assert len(path) <= 20_000
    rings = re.findall(r"M(-?\d+) (-?\d+)l([-\d ]+)z", path)
    assert "".join(f"M{x} {y}l{rest}z" for x, y, rest in rings) == path
    for x, y, rest in rings:
        steps = [int(each) for each in re.findall(r"-?\d+", rest)]
        at, down = int(x), int(y)
        for across, below in zip(steps[::2], steps[1::2], strict=True):
            at, down = at + across, down + below
            assert 0 <= at <= WIDE and 0 <= down <= HIGH
            # Only the south of Antarctica is as long as that: the pole, which is a line of this map.
            assert abs(across) < 60 or (down >= HIGH - 1 and not below), "a line runs right across"


@given(st.floats(0, 1e12, allow_nan=False))
def test_ticks_are_few_and_within(most: float) -> None:
    for ticks in (Linear(most).ticks(), Log(most).ticks()):
        assert 1 <= len(ticks) <= 9
        assert ticks[-1] <= max(most, 1) * (1 + 1e-6)


@given(st.lists(st.integers(1, 10**9), min_size=1))
def test_every_value_has_a_class_of_six(values: list[int]) -> None:
    bounds = steps_of(values)
    assert 1 <= len(bounds) <= 6
    assert class_of(max(values), bounds) == len(bounds) - 1
    assert all(0 <= class_of(value, bounds) < len(bounds) for value in values)


@given(st.text())
def test_foreign_text_is_text_in_every_drawing(text: str) -> None:
    for figure in (
        bars("b", text, [bar(text, 3)], text),
        dots("d", text, [Dot(text, 3, group=text)], text),
        heat("h", text, [text], [text], {(0, 0): 1}, text),
        columns("c", text, [(text, 2)], text, text),
        treemap("t", text, [Leaf(text, text, 3), Leaf("b", text, 1)], text),
    ):
        allowed = {"svg", "style", "title", "desc", "rect", "circle", "line", "path", "text"}
        assert {each.tag.removeprefix(SVG) for each in parsed(figure).iter()} <= allowed


# How people with two kinds of cones see: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes (2009), severity 1.0.
EYES: dict[str, npt.ArrayLike] = {
    "all cones": np.eye(3),
    "protanope": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranope": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanope": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def lab(colour: str, eyes: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return CIE L*a*b* (D65) of a colour as such eyes see it."""
    srgb = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(eyes) @ linear, 0, 1)
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    xyz = np.asarray(matrix) @ seen / [0.95047, 1.0, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("scheme", [0, 1])
def test_kinds_of_outcomes_are_told_apart_by_all_eyes(eyes: str, scheme: int) -> None:
    seen = {kind: lab(pair[scheme], EYES[eyes]) for kind, pair in KINDS.items() if kind != "source"}
    least = min(float(np.linalg.norm(seen[a] - seen[b])) for a, b in combinations(seen, 2))
    assert least >= 10, f"{eyes}: CIE76 {least:.1f}"


@pytest.mark.parametrize("eyes", EYES)
def test_steps_grow_darker_for_all_eyes(eyes: str) -> None:
    lightness = [float(lab(colour, EYES[eyes])[0]) for colour in STEPS]
    assert lightness == sorted(lightness, reverse=True)
    assert min(a - b for a, b in pairwise(lightness)) >= 5
