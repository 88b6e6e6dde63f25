"""Read any supported source: 'default', or a path; the layout is recognised by the columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from taxonomy.errors import TaxonomyError
from taxonomy.readers import acef, coldp, darwin_core, default, flat, open_tree, parquet, taxdump, text_tree
from taxonomy.readers.delimited import Table, inspect, plain_term
from taxonomy.readers.layout import Layout, Member, digest, find_tables, slug
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.taxa import read_taxa
from taxonomy.readers.taxon_schema import Checklist

_RELEASES = (taxdump.recognise, open_tree.recognise, acef.recognise, parquet.recognise)
"""Layouts that are told by their files together."""
_RECOGNISERS = (coldp.recognise, darwin_core.recognise, flat.recognise)
_NEEDED = {
    "ColDP": ("ID", "scientificName", "parentID", "status", "rank"),
    "Darwin Core": (
        *("taxonID", "scientificName", "taxonRank", "taxonomicStatus", "parentNameUsageID", "acceptedNameUsageID"),
        "scientificNameAuthorship",
    ),
}
"""Columns of the layouts that link rows; without the first two of each there is no taxon."""
_LOOKED_AT = 16
"""Tables of one release whose headers are looked at."""


@dataclass(frozen=True)
class Input:
    """A source before it is read: its tables, how they will be read, and their digests."""

    given: str
    found: Recognised
    side: tuple[Member, ...]
    digests: tuple[tuple[str, str], ...]
    """(file name, sha256) of every table that is read."""


def source_inputs(sources: list[str]) -> list[Input]:
    """Find and recognise every source, and give each its own id prefix; reads headers and digests only.

    Raises TaxonomyError when a source is missing, is not recognised, or cannot be told from another by its prefix.

    >>> [(each.given, each.found.prefix) for each in source_inputs(["default"])]
    [('default', 'bm')]
    """
    inputs: list[Input] = []
    taken: set[str] = set()
    for given in sources:
        layout = default.layout() if given == "default" else find_tables(Path(given))
        found = _recognise(layout)
        if given == "default":
            found = replace(found, prefix=default.PREFIX)
        if found.prefix in taken:
            found = replace(found, prefix=slug(layout.path))
        if found.prefix in taken:
            raise TaxonomyError(
                f"two sources would both use the id prefix {found.prefix!r}",
                given,
                remedy="rename the file or folder: the prefix comes from its name",
            )
        taken.add(found.prefix)
        side = () if found.read else layout.vernacular
        digests = tuple((member.name, digest(member)) for member in (*found.files, *side))
        inputs.append(Input(given, found, side, digests))
    return inputs


def read_source(source: Input) -> Checklist:
    """Read one source.

    >>> checklist = read_source(source_inputs(["default"])[0])
    >>> checklist.usages.num_rows > 1000, checklist.issues.counts
    (True, {})
    """
    if source.found.read is not None:
        return source.found.read(source.found)
    return read_taxa(source.found, source.side)


def _recognise(layout: Layout) -> Recognised:
    for release in _RELEASES:
        whole = release(layout)
        if whole is not None:
            return whole
    problem: TaxonomyError | None = None
    seen: list[str] = []
    for member in layout.cores[:_LOOKED_AT]:
        try:
            table: Table = inspect(member.origin, member.open)
        except TaxonomyError as error:
            problem = problem or error
            continue
        seen.append(f"{member.name}: " + ", ".join(table.header[:12]))
        for recognise in _RECOGNISERS:
            found = recognise(table, layout.path)
            if found is not None:
                return replace(found, core=member)
        problem = problem or _lacking(table)
    # Last of all: a read-me beside the tables may begin like a tree.
    tree = text_tree.recognise(layout)
    if tree is not None:
        return tree
    if problem is not None:
        raise problem
    raise TaxonomyError(
        "no table of taxa is recognised (" + "; ".join(seen)[:600] + ")",
        str(layout.path),
        "Darwin Core (taxonID, scientificName, taxonRank, parentNameUsageID), ColDP (ID, parentID, status, rank, "
        "scientificName) or a species table (scientificName with family, genus, ...)",
        "name the columns so",
    )


def _lacking(table: Table) -> TaxonomyError | None:
    """Return the error that names the missing columns of a table that is nearly one of a known layout."""
    for layout, terms in _NEEDED.items():
        there = {plain_term(term) for term in terms} & table.terms().keys()
        missing = [term for term in terms[:2] if plain_term(term) not in there]
        if missing and len(there) >= 2:
            return TaxonomyError(
                f"the table lacks the column {missing[0]!r}",
                f"{table.origin}, line 1",
                f"{layout}: " + ", ".join(terms),
                "rename the column that holds it, or export the table again",
            )
    return None
