"""Recognise Darwin Core taxon tables (https://dwc.tdwg.org/terms/#taxon): a key, and a parent, accepted usage or rank.

Covers the GBIF backbone (Taxon.tsv), checklists from ChecklistBank and TaxonWorks, iNaturalist's taxa, usage lists in
the terms of GBIF's species API, and both layouts of the EOL Dynamic Hierarchy (taxon.tab, without authors, and
taxon.tsv, with them).
"""

from __future__ import annotations

from pathlib import Path

from taxonomy.readers.columns import choose
from taxonomy.readers.delimited import Table
from taxonomy.readers.layout import slug
from taxonomy.readers.recognised import Recognised


def recognise(table: Table, path: Path) -> Recognised | None:
    """Return how to read the table, or None when it is no Darwin Core taxon table."""
    terms = table.terms()
    columns = choose(terms)
    if "id" not in columns or "name" not in columns or not columns.keys() & {"parent", "accepted", "rank", "status"}:
        return None
    if "scientificname" not in terms and "canonicalname" not in terms:
        return None
    return Recognised("Darwin Core", _prefix(set(terms), table, path), table, columns)


def _prefix(terms: set[str], table: Table, path: Path) -> str:
    if "inaturalist.org/taxa/" in table.first:
        return "inat"
    if "urn:lsid:marinespecies.org:" in table.first:
        return "worms"
    if any(name.startswith("col:") for name in table.header):
        return "col"
    if "eolid" in terms:
        return "eol-dh"
    if "usagekey" in terms or {"datasetid", "genericname", "canonicalname", "namepublishedin"} <= terms:
        return "gbif"
    return slug(path)
