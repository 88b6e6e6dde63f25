"""Readers of published taxonomies: each knows one layout, and all give the same two Arrow tables.

default       the taxonomy that ships with the package
darwin_core   Darwin Core taxon tables (GBIF backbone, iNaturalist, WoRMS, ITIS, EOL Dynamic Hierarchy, ...)
coldp         Catalogue of Life data packages (NameUsage.tsv)
taxdump       NCBI's nodes.dmp and names.dmp
open_tree     Open Tree's taxonomy.tsv and synonyms.tsv
acef          AcceptedSpecies.txt and Synonyms.txt of the annual checklists
text_tree     indented text trees
parquet       Darwin Core terms in Parquet
flat          species tables with the higher ranks as columns (MDD, iNat21)
"""

from __future__ import annotations

from taxonomy.readers.sources import Input, read_source, source_inputs
from taxonomy.readers.taxon_schema import USAGE_SCHEMA, VERNACULAR_SCHEMA, Checklist, Issues

__all__ = [
    "USAGE_SCHEMA",
    "VERNACULAR_SCHEMA",
    "Checklist",
    "Input",
    "Issues",
    "read_source",
    "source_inputs",
]
