"""The recipe of the demo corpus, as a person would write it: relative paths, and the rules that are not defaults."""

from __future__ import annotations

import json

from pipeline.demo import bioscan, eol, fathomnet, gbif, heldout

SIDE = 128
"""Target of the shorter side of the stored images, in pixels."""
MIN_SIDE = 24


def recipe_text(seed: int) -> str:
    """Return the recipe as TOML.

    >>> import tomllib
    >>> [source["name"] for source in tomllib.loads(recipe_text(17))["sources"]]
    ['gbif', 'eol', 'bioscan', 'fathomnet']
    """
    sources: tuple[dict[str, object], ...] = (
        {"name": gbif.SOURCE, "kind": "gbif-dwca", "path": gbif.ARCHIVE, "priority": 1},
        {"name": eol.SOURCE, "kind": "eol", "path": eol.MANIFEST, "hierarchy": eol.HIERARCHY, "priority": 2},
        {
            "name": bioscan.SOURCE,
            "kind": "bioscan5m",
            "path": bioscan.METADATA,
            "media": bioscan.IMAGES,
            "license": bioscan.LICENCE,
            "priority": 3,
        },
        {
            "name": fathomnet.SOURCE,
            "kind": "fathomnet",
            "path": fathomnet.IMAGES,
            "license": fathomnet.LICENCE,
            "priority": 4,
        },
    )
    benchmark: dict[str, object] = {"name": heldout.NAME, "path": heldout.IMAGES, "ids": heldout.IDS}
    allow = ["CC0", "PD", "CC-BY", "CC-BY-SA", "CC-BY-NC", "CC-BY-NC-SA", fathomnet.FAMILY]
    fetch = {
        "contact": "demo@biota.test",
        "hosts": ["*.biota.test"],
        "per_host_rate": 500.0,
        "connect_timeout": 5.0,
        "read_timeout": 10.0,
        "total_timeout": 20.0,
        "attempts": 2,
        "max_retry_after": 0.25,
    }
    sections = [
        _table("", {"name": "biota", "description": "A procedural biota in four real layouts.", "seed": seed}),
        *(_table("[[sources]]", source) for source in sources),
        _table("[[benchmarks]]", benchmark),
        _table("[taxonomy]", {"minimum_rank": "genus"}),
        _table("[licences]", {"allow": allow}),
        _table("[fetch]", fetch),
        _table("[image]", {"side": SIDE, "rule": "shortest", "min_side": MIN_SIDE}),
        _table("[likeness]", {"duplicate_distance": 10, "leak_distance": 30, "minimum_quality": 50}),
        _table("[shards]", {"prefix": "demo", "samples_per_shard": 100}),
        _table("[limits]", {"reject_percent": 5.0}),
    ]
    return "\n".join(sections)


def _table(header: str, fields: dict[str, object]) -> str:
    # A JSON string, number or flat list of these is written the same way in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join([*([header] if header else []), *lines, ""])
