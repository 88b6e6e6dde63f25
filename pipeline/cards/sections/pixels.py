"""How good are the pixels? Sizes, proportions, and how much a hash can see."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.cards.plots import columns, written
from pipeline.cards.sections.section import Asked, Chart, Row, Section, Table, count, percent
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def pixels(asked: Asked) -> Section:
    """Return the section: images by source size, aspect ratio and PDQ quality."""
    question = "How good are the pixels?"
    sizes, ratios, qualities = asked.rows(_SQL("sizes")), asked.rows(_SQL("ratios")), asked.rows(_SQL("qualities"))
    images = asked.one("SELECT count(*) FROM shown")[0]
    facts = {
        "half_octaves": [{"log2_pixels": step / 2, "images": many} for step, many in sizes],
        "aspect_half_octaves": [{"log2_ratio": step / 2, "images": many} for step, many in ratios],
        "quality": [{"quality": step, "images": many} for step, many in qualities],
    }
    if not images or not sizes:
        none = "No image has a known size." if images else "No image was kept."
        return Section("pixels", question, none, facts=facts)
    small = sum(many for step, many in sizes if step < 36)
    low = sum(many for step, many in qualities if step < 50)
    answer = (
        f"{percent(small, images)} of {count(images, 'image')} came with less than a quarter of a megapixel; "
        f"{f'{percent(low, images)} are' if low else 'none is'} nearly flat (PDQ quality below 50)."
    )
    middle, steps = _middle(sizes), {int(step): many for step, many in qualities}
    parts = (
        _chart(
            "sizes",
            "Images by source size",
            f"Half of the images came with {_pixels(middle)} pixels or more.",
            _filled(sizes, _pixels),
            "pixels of the source image",
        ),
        _chart(
            "ratios",
            "Images by proportion",
            f"{percent(sum(n for s, n in ratios if s in (-1, 0)), images)} are nearly square.",
            _filled(ratios, lambda step: f"{2 ** (step / 2):.2g}"),
            "width / height of the source image",
        ),
        _chart(
            "quality",
            "Images by PDQ quality",
            f"{percent(sum(n for s, n in qualities if s >= 95), images)} have a quality of 95 or more.",
            [(str(at), steps.get(at, 0)) for at in range(0, 101, 5)],
            "PDQ quality",
        ),
    )
    return Section("pixels", question, answer, parts, facts)


def _chart(name: str, title: str, says: str, rows: list[tuple[str, int]], across: str) -> Chart:
    return Chart(says, columns(name, title, rows, across, "images"), Table.of((f"{across}, from", "images"), rows))


def _filled(rows: list[Row], label: Callable[[int], str]) -> list[tuple[str, int]]:
    many = {int(step): n for step, n in rows}
    return [(label(step), many.get(step, 0)) for step in range(min(many), max(many) + 1)]


def _pixels(step: int) -> str:
    """Return a number of pixels in half octaves as it is written.

    >>> _pixels(40), _pixels(30), _pixels(13)
    ('1 M', '33 k', '91')
    """
    value = 2 ** (step / 2)
    return written(float(f"{value:.2g}"))


def _middle(rows: list[Row]) -> int:
    """Return the largest step that half of the images reach."""
    total, seen = sum(many for _, many in rows), 0
    for step, many in sorted(rows, reverse=True):
        seen += many
        if 2 * seen >= total:
            return int(step)
    return 0
