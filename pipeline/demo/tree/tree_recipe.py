"""The recipe of a biota with a tree: its package, its own taxonomy, and the splits that a training is judged on."""

from __future__ import annotations

import json

from pipeline.demo.tree.biota_tables import LISTS, TAXONOMY
from pipeline.demo.tree.life_tree import SEEN, UNSEEN_GENERA, UNSEEN_SPECIES, Tree
from pipeline.demo.tree.package import ARCHIVE, SOURCE
from pipeline.demo.tree.parameters import Parameters

SAMPLES_PER_SHARD = 256
_DIGITS = 6
_UNSEEN = {UNSEEN_SPECIES: "species", UNSEEN_GENERA: "genus"}


def tree_recipe(seed: int, tree: Tree, parameters: Parameters) -> str:
    """Return the recipe as TOML.

    Splits of what is unseen hold what their lists name, so that each unseen species has its genus in training, and each
    unseen genus its family; validation has its share of every trained species.

    >>> import tomllib
    >>> from pipeline.demo.tree.life_tree import grow_tree
    >>> recipe = tomllib.loads(tree_recipe(1, grow_tree(1, Parameters()), Parameters()))
    >>> [(split["name"], split["percent"]) for split in recipe["splits"]][1:]
    [('val', 7.421875), ('unseen_species', 19.791667), ('unseen_genera', 20.833333)]
    """
    part = {role: 100 * len(tree.of_role(role)) / len(tree.species) for role in (SEEN, *LISTS)}
    later: list[dict[str, object]] = [
        {"name": "val", "percent": round(part[SEEN] * parameters.validation_percent / 100, _DIGITS)}
    ]
    for role, path in LISTS.items():
        if part[role]:
            alone = {"name": role, "percent": round(part[role], _DIGITS), "unseen": _UNSEEN[role], "keys": path}
            later.append(alone)
    rest = round(100 - sum(float(str(split["percent"])) for split in later), _DIGITS)
    side = parameters.side
    description = "A drawn biota with a generated tree of life, in Camtrap DP."
    source: dict[str, object] = {"name": SOURCE, "kind": "camtrap-dp", "path": ARCHIVE, "media": ARCHIVE}
    sections = [
        _table("", {"name": "tree", "description": description, "seed": seed}),
        _table("[[sources]]", source),
        _table("[taxonomy]", {"sources": [TAXONOMY]}),
        *(_table("[[splits]]", split) for split in ({"name": "train", "percent": rest}, *later)),
        _table("[splitting]", {"together": ["individual_key"]}),
        _table("[image]", {"side": side, "min_side": min(32, side)}),
        _table("[shards]", {"prefix": "tree", "samples_per_shard": SAMPLES_PER_SHARD}),
    ]
    return "\n".join(sections)


def _table(header: str, fields: dict[str, object]) -> str:
    # A JSON string, number or flat list of these is written the same way in TOML.
    lines = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
    return "\n".join([*([header] if header else []), *lines, ""])
