"""How bad are the mistakes? Pictures by the lowest common ancestor of the true and the predicted taxon."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.recipe import RANKS
from pipeline.cards.plots import bar, bars
from pipeline.cards.sections.section import Chart, Section, Table, count
from pipeline.evaluation_report.subject import Subject, share, short_number, words

_QUESTION = "How bad are the mistakes?"
HEIGHTS = ("all seven ranks", *(f"the {rank}" for rank in reversed(RANKS[:-1])), "no rank")
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
    rows = [(name, many) for name, many in zip(HEIGHTS, wrong, strict=True) if many or name != HEIGHTS[0]]
    chart = Chart(
        "Mistakes by the lowest rank that the true and the predicted taxon share.",
        bars("severity", "Mistakes by the lowest common rank", [bar(*each, "leak") for each in rows], "mistakes"),
        Table.of(
            ("true and predicted taxon share", "mistakes", "of all mistakes"),
            [(*each, share(each[1] / severity.mistakes)) for each in rows],
        ),
        note=f"By {words(found[0].method)}. The farther down, the worse: two kingdoms share no rank.",
    )
    return Section("mistakes", _QUESTION, answer, (chart,))


def _wrong(heights: Sequence[int], mistakes: int) -> list[int]:
    """Return mistakes by height: of height 0 are right answers too, and taxa that seven ranks do not tell apart."""
    return [mistakes - sum(heights[1:]), *heights[1:]]
