"""What to build: recipes in TOML, and the typed loader that checks them.

The public API is what this module lists; everything else may change. Knows neither Beam nor the pipeline.
"""

from __future__ import annotations

from manifests.checks import LICENCE_FAMILIES
from manifests.digest import canonical_json, recipe_digest, section_digest
from manifests.errors import BiomillError, RecipeError
from manifests.loader import load_recipe, recipe_from_json
from manifests.paths import RecipePath, check_paths
from manifests.recipe import (
    RANKS,
    SOURCE_KINDS,
    BenchmarkSpec,
    ExportRules,
    FetchRules,
    ImageRules,
    LicencePolicy,
    LikenessRules,
    Limits,
    Recipe,
    SelectRules,
    ShardRules,
    SourceSpec,
    TaxonomyRules,
)
from manifests.reference import describe_recipe, starter_recipe

__all__ = [
    "LICENCE_FAMILIES",
    "RANKS",
    "SOURCE_KINDS",
    "BenchmarkSpec",
    "BiomillError",
    "ExportRules",
    "FetchRules",
    "ImageRules",
    "LicencePolicy",
    "LikenessRules",
    "Limits",
    "Recipe",
    "RecipeError",
    "RecipePath",
    "SelectRules",
    "ShardRules",
    "SourceSpec",
    "TaxonomyRules",
    "canonical_json",
    "check_paths",
    "describe_recipe",
    "load_recipe",
    "recipe_digest",
    "recipe_from_json",
    "section_digest",
    "starter_recipe",
]
