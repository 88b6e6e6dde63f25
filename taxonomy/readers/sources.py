"""Read any supported source: 'default', or a path; the layout is recognised by the columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from taxonomy.errors import TaxonomyError
from taxonomy.readers import coldp, darwin_core, default, flat
from taxonomy.readers.delimited import Table, inspect
from taxonomy.readers.layout import Layout, Member, digest, find_tables, slug
from taxonomy.readers.recognised import Recognised
from taxonomy.readers.schema import Checklist
from taxonomy.readers.taxa import read_taxa

_RECOGNISERS = (coldp.recognise, darwin_core.recognise, flat.recognise)
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
        core, found = _recognise(layout)
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
        digests = tuple((member.name, digest(member)) for member in (core, *layout.vernacular))
        inputs.append(Input(given, found, layout.vernacular, digests))
    return inputs


def read_source(source: Input) -> Checklist:
    """Read one source.

    >>> checklist = read_source(source_inputs(["default"])[0])
    >>> checklist.usages.num_rows > 1000, checklist.issues.counts
    (True, {})
    """
    return read_taxa(source.found, source.side)


def _recognise(layout: Layout) -> tuple[Member, Recognised]:
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
                return member, found
    if problem is not None:
        raise problem
    raise TaxonomyError(
        "no table of taxa is recognised (" + "; ".join(seen)[:600] + ")",
        str(layout.path),
        "Darwin Core (taxonID, scientificName, taxonRank, parentNameUsageID), ColDP (ID, parentID, status, rank, "
        "scientificName) or a species table (scientificName with family, genus, ...)",
        "name the columns so",
    )
