"""What a dataset covers and what it lacks, in sentences that the report's sections computed from the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.cards.sections import Chart, Section

_SCOPE = ("tree", "places", "dates")
_GAPS = ("tail", "weight", "split", "names", "pixels")
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGE = ((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"))


def size_category(images: int) -> str:
    """Return the Hub's word for a number of images.

    >>> size_category(317), size_category(5_898), size_category(214_000_000)
    ('n<1K', '1K<n<10K', '100M<n<1B')
    """
    return next((word for most, word in (*_SIZES, *_LARGE) if images < most), "n>1B")


def scope_lines(sections: Sequence[Section]) -> list[str]:
    """Return what a run covers: life, places and times; sentences of a report's sections."""
    return list(_answers(sections, _SCOPE))


def gap_lines(sections: Sequence[Section]) -> list[str]:
    """Return in what a run is uneven or poor: tail, givers, split, names, pixels, places."""
    lines = list(_answers(sections, _GAPS))
    for section in sections:
        if section.id in ("tail", "places"):
            lines += [part.says for part in section.parts if isinstance(part, Chart) and part.figure.name != "where"]
    return lines


def split_table(sections: Sequence[Section]) -> tuple[list[str], list[tuple[str, list[int]]]]:
    """Return the splits, and (class, images in each of them) of the classes with the most images."""
    facts = next(section.facts for section in sections if section.id == "split")
    names = list(facts["images"])
    rows = [
        (each["class"] or "no class", [each["images"].get(name, 0) for name in names]) for each in facts["classes"][:20]
    ]
    return names, rows


def _answers(sections: Sequence[Section], ids: Sequence[str]) -> Iterator[str]:
    answers = {section.id: section.answer for section in sections}
    yield from (answers[each] for each in ids)
