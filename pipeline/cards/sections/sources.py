"""What is it made of? Releases with their citations, data sets, placeholders, and how to load it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.cards.sections.citations import citation
from pipeline.cards.sections.section import Asked, Picture, Pictures, Section, Table, Words, count
from pipeline.cards.sections.shots import Shots
from pipeline.storage.statements import Statements

PLACEHOLDERS = 12
_SQL = Statements(__name__)


def sources(asked: Asked, shots: Shots) -> Section:
    """Return the section: every release that gave a record, cited; the largest data sets; placeholders by picture."""
    question = "What is it made of?"
    kinds = {source.name: source.kind for source in asked.recipe.sources}
    releases = [
        (source, release, records, images, citation(kinds.get(source, ""), source, release))
        for source, release, records, images in asked.rows(_SQL("releases"))
    ]
    datasets = asked.rows(_SQL("datasets", most=1000))
    facts = {
        "releases": [
            {"source": source, "release": release, "records": records, "images": images, "citation": text}
            for source, release, records, images, text in releases
        ],
        "datasets": len(datasets),
    }
    if not releases:
        return Section("sources", question, "No record was read.", facts=facts)
    used = [row for row in releases if row[3]]
    answer = f"{count(len(used), 'release')} gave images; {len(releases) - len(used):,} gave none."
    parts: list[Table | Pictures | Words] = [
        Table.of(("source", "release", "records", "images", "cite"), releases, "FROM releases")
    ]
    if datasets:
        parts.append(Table.of(("source", "data set", "publisher", "images"), datasets, "FROM datasets"))
    placeholders = tuple(_placeholders(asked, shots))
    if placeholders:
        says = "Pictures that a host gave in the place of others."
        note = "Where one is no placeholder, set fetch.placeholder_addresses higher."
        parts.append(Pictures(says, placeholders, note))
    return Section("sources", question, answer, tuple(parts), facts)


def _placeholders(asked: Asked, shots: Shots) -> Iterator[tuple[Picture, ...]]:
    for host, images, taxa, genera, sentence, item, unit, at, size in asked.rows(
        _SQL("placeholders", most=PLACEHOLDERS)
    ):
        more = ", ..." if genera > len(taxa) else ""
        named = f"; asked for: {', '.join(taxa)}{more}" if taxa else ""
        named += f"; like the held-out {item}" if item else ""
        yield (shots.stored(unit, at, size, f"{host}: {count(images, 'image')}", f"{sentence}{named}"),)
