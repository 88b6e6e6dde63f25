"""How much is right at each rank? Accuracy of each part of the pictures at the seven ranks, by each method."""

from __future__ import annotations

from collections.abc import Sequence

from manifests.recipe import RANKS
from pipeline.cards.plots import Bar, shares
from pipeline.cards.sections.section import Chart, Section, Table
from pipeline.evaluate.classification import UNSEEN_GENERA, UNSEEN_SPECIES, Classification, Part
from pipeline.evaluation_report.subject import Subject, share, words

_QUESTION = "How much is right at each rank?"
_DRAWN = ("all", UNSEEN_SPECIES, UNSEEN_GENERA)
"""Parts that are drawn of the first method, of others the first of them; tables have all."""


def ranks(subject: Subject) -> Section:
    """Return the section."""
    found = subject.found.evaluation.classifications
    if not found:
        return Section("ranks", _QUESTION, "Nothing was classified: there are neither texts nor pictures that teach.")
    best = found[0]
    parts = [part for each in found for part in _of(each, _DRAWN if each is best else _DRAWN[:1])]
    told = {each.name: each for each in best.parts}
    said = [
        f"{share(told[name].top[0].accuracy)} of {words(name)}"
        for name in (UNSEEN_SPECIES, UNSEEN_GENERA)
        if name in told
    ]
    more = f"; {', and '.join(said)}" if said else ""
    whole = best.parts[0]
    answer = (
        f"By {words(best.method)}, {share(whole.top[0].accuracy)} of {whole.images:,} pictures are given their taxon, "
        f"where chance gives {share(whole.top[0].chance)}{more}."
    )
    return Section("ranks", _QUESTION, answer, tuple(parts))


def _of(found: Classification, drawn: Sequence[str]) -> list[Chart | Table]:
    charts: list[Chart | Table] = [
        _chart(found, part) for part in found.parts if part.name in drawn and any(each.images for each in part.ranks)
    ]
    named = f"{words(found.method)}, among {found.candidates:,} taxa"
    by_rank = [
        (words(part.name), part.images, part.classes, *(share(each.accuracy) for each in part.ranks))
        for part in found.parts
    ]
    tops = [f"top-{each.k}" for each in found.parts[0].top]
    by_place = [
        (
            *(words(part.name), *(share(each.accuracy) for each in part.top), share(part.top[0].chance)),
            f"{share(part.within.accuracy)} of {part.within.classes:,}" if part.within else None,
        )
        for part in found.parts
    ]
    return [
        *charts,
        Table.of((named, "pictures", "taxa", *(each.rank for each in found.parts[0].ranks)), by_rank),
        Table.of((named, *tops, "chance of top-1", "among its own taxa"), by_place),
        *([_within(found, named)] if any(part.within for part in found.parts) else []),
    ]


def _within(found: Classification, named: str) -> Table:
    """Return the accuracy at the ranks where the taxa of a part are its only candidates."""
    rows = [
        (words(part.name), *(share(each.accuracy) for each in part.within.ranks))
        for part in found.parts
        if part.within is not None
    ]
    return Table.of((f"{named.partition(',')[0]}, among the part's own taxa", *RANKS), rows)


def _chart(found: Classification, part: Part) -> Chart:
    bars = []
    for each in part.ranks:
        if each.accuracy is not None:
            right = 100 * each.accuracy
            told = (("kept", right, f"{right:.1f} % right"), ("source", 100 - right, f"{100 - right:.1f} % wrong"))
            bars.append(Bar(each.rank, told, share(each.accuracy)))
    named = words(part.name)
    title = f"{words(found.method).capitalize()}: accuracy at each rank, {named}"
    rows = [
        (each.rank, each.images, each.taxa, share(each.accuracy), share(each.mean_over_taxa)) for each in part.ranks
    ]
    return Chart(
        f"{words(found.method).capitalize()}, {named}: {part.images:,} pictures of {part.classes:,} taxa.",
        shares(f"ranks-{found.method}-{part.name}".replace("_", "-"), title, bars, "pictures, right and wrong"),
        Table.of(("rank", "pictures", "taxa", "right", "mean over taxa"), rows),
    )
