"""Names: parse them, unite taxonomies, resolve names against a pinned build, draw trees.

The public API is what this module lists; everything else may change. Knows neither Beam nor the pipeline. Trees live in
`taxonomy.tree`, which alone imports ete3.
"""

from __future__ import annotations

from taxonomy.build.from_sources import build_taxonomy
from taxonomy.errors import TaxonomyError
from taxonomy.match.explanation import Weighed, explain
from taxonomy.match.ladder import MATCH_TYPES
from taxonomy.match.lookup import Taxonomy, Usage
from taxonomy.match.policy import Policy
from taxonomy.match.resolver import RESOLVED_SCHEMA, resolve
from taxonomy.match.resolving import resolve_file
from taxonomy.names.authors import AuthorMatch, compare_authorship
from taxonomy.names.parse import KINDS, NAME_TYPES, ParsedName, parse_name
from taxonomy.names.ranks import SEVEN, normalise_rank, rank_level
from taxonomy.readers.taxon_schema import USAGE_SCHEMA

__all__ = [
    "KINDS",
    "MATCH_TYPES",
    "NAME_TYPES",
    "RESOLVED_SCHEMA",
    "SEVEN",
    "USAGE_SCHEMA",
    "AuthorMatch",
    "ParsedName",
    "Policy",
    "Taxonomy",
    "TaxonomyError",
    "Usage",
    "Weighed",
    "build_taxonomy",
    "compare_authorship",
    "explain",
    "normalise_rank",
    "parse_name",
    "rank_level",
    "resolve",
    "resolve_file",
]
