"""How bad are the mistakes? Pictures by the lowest common ancestor of the true and the predicted taxon."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.recipe import RANKS
from pipeline.cards.plots import columns
from pipeline.cards.sections.section import Chart, Section, Table, count
from pipeline.evaluation_report.subject import Subject, share, short_number, words

_QUESTION = "How bad are the mistakes?"
HEIGHTS = ("same", *(f"same {rank}" for rank in reversed(RANKS[:-1])), "none in common")
"""What two taxa share whose lowest common ancestor has that height: 0 to 7."""


def mistakes(subject: Subject) -> Section:
    """Return the section, of all judged pictures; without mistakes it is one sentence."""
    found = subject.found.evaluation.classifications
    if not found:
        return Section("mistakes", _QUESTION, "Nothing was classified.")
    severity = found[0].parts[0].severity
    if not severity.mistakes:
        return Section("mistakes", _QUESTION, f"There is none: {count(severity.images, 'picture')} were all right.")
    chance = f", where guesses drawn evenly have {short_number(severity.chance)}" if severity.chance is not None else ""
    answer = (
        f"{count(severity.mistakes, 'picture')} of {severity.images:,} were given a wrong taxon, on average "
        f"{short_number(severity.over_mistakes)} ranks up the tree{chance}."
    )
    wrong = _wrong(severity.heights, severity.mistakes)
    rows = [(name, many, share(many / severity.mistakes)) for name, many in zip(HEIGHTS, wrong, strict=True)]
    rows[0] = ("same seven ranks", *rows[0][1:])
    labels = ["0", *(rank[:3] for rank in reversed(RANKS[:-1])), "none"]
    chart = Chart(
        "Mistakes by the lowest rank that the true and the predicted taxon share.",
        columns(
            "severity",
            "Mistakes by the lowest common rank",
            list(zip(labels, map(float, wrong), strict=True))
            if wrong[0]
            else list(zip(labels, wrong, strict=True))[1:],
            "lowest common rank",
            "mistakes",
            "leak",
        ),
        Table.of(("true and predicted taxon share", "mistakes", "of all mistakes"), rows),
        note=f"By {words(found[0].method)}. The farther to the right, the worse: two kingdoms share no rank.",
    )
    return Section("mistakes", _QUESTION, answer, (chart,))


def _wrong(heights: Sequence[int], mistakes: int) -> list[int]:
    """Return mistakes by height: of height 0 are right answers too, and taxa that seven ranks do not tell apart."""
    return [mistakes - sum(heights[1:]), *heights[1:]]
