"""What to build: recipes in TOML, and the typed loader that checks them.

The public API is what this module lists; everything else may change. Knows neither Beam nor the pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from manifests.benchmark import (
        SHIPPED,
        BenchmarkManifest,
        ColumnTemplates,
        fill,
        load_benchmark,
        shipped_benchmarks,
        template_columns,
    )
    from manifests.checks import LICENCE_FAMILIES
    from manifests.digest import canonical_json, recipe_digest, section_digest
    from manifests.errors import BiomillError, RecipeError, TableError
    from manifests.loader import load_recipe, recipe_from_json
    from manifests.paths import RecipePath, check_paths, is_remote, with_paths
    from manifests.problems import RecipeErrors
    from manifests.recipe import (
        LAYOUTS,
        RANKS,
        SOURCE_KINDS,
        BenchmarkSpec,
        ExportRules,
        FetchRules,
        HostRules,
        ImageRules,
        LicencePolicy,
        LikenessRules,
        Limits,
        PrivacyRules,
        Recipe,
        ScoresSpec,
        SelectRules,
        ShardRules,
        SourceSpec,
        SplitSpec,
        SplittingRules,
        TaxonomyRules,
    )
    from manifests.reference import describe_recipe, shipped_recipes, starter_recipe
    from manifests.toml_form import resolved_toml

__all__ = [
    "LAYOUTS",
    "LICENCE_FAMILIES",
    "RANKS",
    "SHIPPED",
    "SOURCE_KINDS",
    "BenchmarkManifest",
    "BenchmarkSpec",
    "BiomillError",
    "ColumnTemplates",
    "ExportRules",
    "FetchRules",
    "HostRules",
    "ImageRules",
    "LicencePolicy",
    "LikenessRules",
    "Limits",
    "PrivacyRules",
    "Recipe",
    "RecipeError",
    "RecipeErrors",
    "RecipePath",
    "ScoresSpec",
    "SelectRules",
    "ShardRules",
    "SourceSpec",
    "SplitSpec",
    "SplittingRules",
    "TableError",
    "TaxonomyRules",
    "canonical_json",
    "check_paths",
    "describe_recipe",
    "fill",
    "is_remote",
    "load_benchmark",
    "load_recipe",
    "recipe_digest",
    "recipe_from_json",
    "resolved_toml",
    "section_digest",
    "shipped_benchmarks",
    "shipped_recipes",
    "starter_recipe",
    "template_columns",
    "with_paths",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "manifests.benchmark": (
            "SHIPPED",
            "BenchmarkManifest",
            "ColumnTemplates",
            "fill",
            "load_benchmark",
            "shipped_benchmarks",
            "template_columns",
        ),
        "manifests.checks": ("LICENCE_FAMILIES",),
        "manifests.digest": ("canonical_json", "recipe_digest", "section_digest"),
        "manifests.errors": ("BiomillError", "RecipeError", "TableError"),
        "manifests.loader": ("load_recipe", "recipe_from_json"),
        "manifests.paths": ("RecipePath", "check_paths", "is_remote", "with_paths"),
        "manifests.problems": ("RecipeErrors",),
        "manifests.recipe": (
            "LAYOUTS",
            "RANKS",
            "SOURCE_KINDS",
            "BenchmarkSpec",
            "ExportRules",
            "FetchRules",
            "HostRules",
            "ImageRules",
            "LicencePolicy",
            "LikenessRules",
            "Limits",
            "PrivacyRules",
            "Recipe",
            "ScoresSpec",
            "SelectRules",
            "ShardRules",
            "SourceSpec",
            "SplitSpec",
            "SplittingRules",
            "TaxonomyRules",
        ),
        "manifests.reference": ("describe_recipe", "shipped_recipes", "starter_recipe"),
        "manifests.toml_form": ("resolved_toml",),
    },
)
