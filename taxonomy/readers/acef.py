"""Read the annual checklists' exchange format: AcceptedSpecies.txt, AcceptedInfraspecificTaxa.txt, Synonyms.txt.

Source: the Catalogue of Life's Annual Checklist Exchange Format (ACEF), in which its member databases are kept. Names
come in parts and are put together here. The format states no encoding: a file that is not UTF-8 is read as Windows-1252
and counted with its first such row.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from taxonomy.readers.columns import qualify, to_usages
from taxonomy.readers.delimited import Table, inspect, plain_term, read_batches
from taxonomy.readers.layout import Layout, slug, unbroken
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxon_schema import VERNACULAR_SCHEMA, Checklist, Issues
from taxonomy.readers.vernacular import normalise_language

_SPECIES, _BELOW, _SYNONYMS, _COMMON = (
    "AcceptedSpecies.txt",
    "AcceptedInfraspecificTaxa.txt",
    "Synonyms.txt",
    "CommonNames.txt",
)
_HIGHER = ("kingdom", "phylum", "class", "order", "family", "genus")
_PARTS = ("genus", "speciesepithet", "infraspeciesmarker", "infraspeciesepithet")
Cells = dict[str, list[str | None]]


def recognise(layout: Layout) -> Recognised | None:
    """Return how to read the checklist, or None when there is no AcceptedSpecies.txt in its columns."""
    core = layout.member(_SPECIES)
    if core is None:
        return None
    table = inspect(core.origin, core.open)
    if not {"acceptedtaxonid", "genus", "speciesepithet"} <= {plain_term(name) for name in table.header}:
        return None
    parts = tuple(m for m in (layout.member(name) for name in (_BELOW, _SYNONYMS, _COMMON)) if m is not None)
    return Recognised("ACEF", slug(layout.path), table, {}, core=core, parts=parts, read=_read)


def _read(found: Recognised) -> Checklist:
    issues = Issues()
    files = (found.table.origin, *(part.origin for part in found.parts))
    species: dict[str, tuple[str, str, list[str | None]]] = {}
    usages, spoken = [], [VERNACULAR_SCHEMA.empty_table()]
    for cells, rows in _cells(found.table, issues):
        for key, genus, epithet, *higher in zip(
            cells["acceptedtaxonid"], cells["genus"], cells["speciesepithet"], *(cells[n] for n in _HIGHER), strict=True
        ):
            if key and genus and epithet:
                species[key] = (genus, epithet, list(higher))
        columns = _named(cells, "acceptedtaxonid", "species", cells["authorstring"])
        columns |= {name: pa.array(cells[name], pa.string()) for name in _HIGHER}
        usages.append(to_usages(pa.table(columns), rows, found, issues, origin=files[0]))
    for place, part in enumerate(found.parts, start=1):
        table = inspect(part.origin, part.open)
        for cells, rows in _cells(table, issues):
            if part.name == _COMMON:
                spoken.append(_vernacular(cells, found.prefix))
                continue
            given = _below(cells, species) if part.name == _BELOW else _synonyms(cells)
            usages.append(to_usages(pa.table(given), rows, found, issues, file=place, origin=part.origin))
    return Checklist(found.prefix, pa.concat_tables(usages), pa.concat_tables(spoken), issues, files)


def _cells(table: Table, issues: Issues) -> list[tuple[Cells, pa.Array]]:
    """Return the cells of a table by plain term; columns that it lacks read as empty."""
    terms = {plain_term(name): name for name in table.header}
    with unbroken(table.origin), table.open() as handle:
        for number, line in enumerate(iter(handle.readline, b"")):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                issues.add("file_is_not_utf8_and_read_as_windows_1252", f"{table.origin}, row {number:09d}")
                table = replace(table, dialect=replace(table.dialect, encoding="cp1252"))
                break
    found = []
    for batch, rows in read_batches(table, terms, issues):
        cells: Cells = {name: batch[name].to_pylist() for name in batch.column_names}
        empty: list[str | None] = [None] * batch.num_rows
        wanted = (*_HIGHER, *_PARTS, "authorstring", "infraspeciesauthorstring", "sp2000namestatus", "id", "parentid")
        for name in (*wanted, "acceptedtaxonid", "commonname", "language", "subgenusname"):
            cells.setdefault(name, empty)
        found.append((cells, rows))
    return found


def _named(cells: Cells, key: str, rank: str, authors: list[str | None]) -> dict[str, pa.Array]:
    names = [" ".join(part for part in parts if part) for parts in zip(*(cells[n] for n in _PARTS), strict=True)]
    ranks = [
        (marker or "infraspecific") if below else rank
        for marker, below in zip(cells["infraspeciesmarker"], cells["infraspeciesepithet"], strict=True)
    ]
    return {
        "id": pa.array(cells[key], pa.string()),
        "name": pa.array([name or None for name in names], pa.string()),
        "authorship": pa.array(authors, pa.string()),
        "rank": pa.array(ranks, pa.string()),
        "status": pa.array(cells["sp2000namestatus"], pa.string()),
    }


def _below(cells: Cells, species: dict[str, tuple[str, str, list[str | None]]]) -> dict[str, pa.Array]:
    """Return the taxa below species: their table names the species only by its key."""
    parents = [species.get(key or "", ("", "", [None] * 6)) for key in cells["parentid"]]
    full = {**cells, "genus": [p[0] or None for p in parents], "speciesepithet": [p[1] or None for p in parents]}
    columns = _named(full, "acceptedtaxonid", "infraspecific", cells["infraspeciesauthorstring"])
    columns["parent"] = pa.array(cells["parentid"], pa.string())
    columns |= {name: pa.array([p[2][i] for p in parents], pa.string()) for i, name in enumerate(_HIGHER)}
    return columns


def _synonyms(cells: Cells) -> dict[str, pa.Array]:
    authors = [
        below if epithet else own
        for own, below, epithet in zip(
            cells["authorstring"], cells["infraspeciesauthorstring"], cells["infraspeciesepithet"], strict=True
        )
    ]
    columns = _named(cells, "id", "species", authors)
    columns["accepted"] = pa.array(cells["acceptedtaxonid"], pa.string())
    return columns


def _vernacular(cells: Cells, prefix: str) -> pa.Table:
    kept = [
        (key, name, language)
        for key, name, language in zip(cells["acceptedtaxonid"], cells["commonname"], cells["language"], strict=True)
        if key and name
    ]
    return pa.table(
        {
            "usage_id": [qualify(prefix, key) for key, _, _ in kept],
            "vernacular_name": [name for _, name, _ in kept],
            "language": [normalise_language(language) for _, _, language in kept],
            "preferred": [False] * len(kept),
            "source": [prefix] * len(kept),
        },
        schema=VERNACULAR_SCHEMA,
    )
