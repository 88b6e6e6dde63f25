"""Is there a conflict? Images that bear taxa which exclude each other, by the pair of taxa."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.cards.plots import bar, bars
from pipeline.cards.sections.section import Asked, Chart, Picture, Pictures, Section, Table, agree, count
from pipeline.cards.sections.shots import Shots
from pipeline.cards.sections.stored_bytes import stored
from pipeline.storage.statements import Statements

CLUSTERS, PICTURES = 6, 4
_SQL = Statements(__name__)


def conflicts(asked: Asked, shots: Shots) -> Section:
    """Return the section: the pairs of taxa that stand against each other, and some clusters with their labels."""
    question = "Is there a conflict?"
    records, clusters = asked.one(_SQL("counted"))
    taxa = asked.rows(_SQL("taxa"))
    facts = {
        "records": records,
        "clusters": clusters,
        "taxa": [{"taxa": list(names), "records": many} for names, many in taxa],
    }
    if not records:
        return Section("conflicts", question, "No image has two labels.", facts=facts)
    bear = agree(records, "bears", "bear")
    answer = (
        f"{count(records, 'record')} of {count(clusters, 'image')} {bear} taxa that exclude each other; none was kept."
    )
    named = [(_taxa(names), many) for names, many in taxa]
    parts: list[Chart | Pictures] = [
        Chart(
            f"The taxa that clash most are {named[0][0]}: {count(named[0][1], 'record')}.",
            bars(
                "clashes",
                "Records by the taxa that clash",
                [bar(label, many, "names") for label, many in named[:15]],
                "records",
            ),
            Table.of(("taxa", "records"), named, "FROM quarantine"),
        )
    ]
    groups = tuple(_groups(asked, shots))
    if groups:
        parts.append(
            Pictures("Clusters, each of one image: under a picture is the taxon that its record bears.", groups)
        )
    return Section("conflicts", question, answer, tuple(parts), facts)


def _taxa(names: Sequence[str]) -> str:
    """Return taxa that clash.

    >>> _taxa(["a", "b"]), _taxa(list("abcde"))
    ('a / b', 'a / b / c and 2 more')
    """
    return " / ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _groups(asked: Asked, shots: Shots) -> Iterator[tuple[Picture, ...]]:
    groups: dict[str, list[Picture]] = {}
    for row in asked.rows(_SQL("clusters", stored=stored(_SQL("wanted")), wanted=_SQL("wanted"), most=CLUSTERS)):
        cluster, record, source, name, unit, at, size = row
        pictures = groups.setdefault(cluster, [])
        if len(pictures) < PICTURES:
            pictures.append(shots.stored(unit, at, size, str(name), source, record))
    yield from (tuple(pictures) for pictures in groups.values() if any(each.data for each in pictures))
