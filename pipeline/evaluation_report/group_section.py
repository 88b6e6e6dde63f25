"""Which groups are taken for which? A matrix at one rank, and the groups that are confused most."""

from __future__ import annotations

from pipeline.cards.plots import heat, shortened
from pipeline.cards.sections.section import NAMED, Chart, Section, Table, count
from pipeline.evaluation_report.group_confusion import group_confusion, readable_rank
from pipeline.evaluation_report.subject import Subject, share, words

_QUESTION = "Which groups are taken for which?"


def groups(subject: Subject) -> Section:
    """Return the section, at the rank that was asked for or the finest that can be read."""
    found, lineages = subject.found, subject.pictures.lineages
    if not found.taxa:
        return Section("groups", _QUESTION, "Nothing was classified.")
    rank = subject.rank or readable_rank(lineages, found.taxa)
    if not rank:
        return Section("groups", _QUESTION, "No rank has two groups.")
    whole = group_confusion(lineages, found.confusion, found.taxa, rank)
    images, wrong = whole.images(), whole.wrong()
    total = sum(images.values())
    if not wrong:
        answer = f"None: each of {count(total, 'picture')} was given a taxon of its own {rank}."
    else:
        one, other, many = wrong[0]
        answer = (
            f"At {rank}, {share(1 - sum(each[2] for each in wrong) / total)} of {total:,} pictures are right; "
            f"most often {shortened(whole.names[one], NAMED)} is taken for {shortened(whole.names[other], NAMED)}: "
            f"{count(many, 'picture')} of {images[one]:,}."
        )
    drawn = whole.folded()
    rows = [(whole.names[a], images[a], whole.names[b], many, share(many / images[a])) for a, b, many in wrong]
    chart = Chart(
        f"Pictures by the {rank} of their taxon and of the one that they were given.",
        heat("confusion", f"Confusion by {rank}", drawn.names, drawn.names, drawn.cells, "pictures", numbers=True),
        Table.of((rank, "pictures", "taken for", "pictures taken for it", "share"), rows),
        note=f"Down: true {rank}. Across: predicted {rank}. On the diagonal it is right. Groups stand in the order of "
        f"the tree. By {words(found.evaluation.classifications[0].method)}."
        + (
            f" Drawn are the {len(drawn.names) - 1} of {len(whole.names):,} that are confused most."
            if drawn != whole
            else ""
        ),
    )
    right = {one: many for (one, other), many in whole.cells.items() if one == other}
    taken: dict[int, str] = {}
    for a, b, many in wrong:
        taken.setdefault(a, f"{whole.names[b]} ({many:,})")
    worst = sorted(
        (each for each in images if each in taken), key=lambda each: (right.get(each, 0) / images[each], each)
    )
    table = Table.of(
        (f"{rank}, the worst first", "pictures", "right", "most often taken for"),
        [(whole.names[each], images[each], share(right.get(each, 0) / images[each]), taken[each]) for each in worst],
    )
    return Section("groups", _QUESTION, answer, (chart, table) if worst else (chart,))
