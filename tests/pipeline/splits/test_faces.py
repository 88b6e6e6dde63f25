"""The protocols of `macaque-faces` on as many faces of as many individuals as MacaqueFaces has, of uneven numbers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from manifests import load_recipe, starter_recipe
from pipeline.splits.select_decisions import decide
from pipeline.storage import database as sql

FACES, INDIVIDUALS = 6280, 34
# Uneven as films of a colony are: the commonest have some eight times as many faces as the rarest.
SIZES = [40 + 9 * n for n in range(INDIVIDUALS)]
SIZES[-1] += FACES - sum(SIZES)
UNSEEN = "splits[1].unseen=individual_key"
PROTOCOLS: dict[str, tuple[list[str], int, int, range, range]] = {
    "closed": ([], 5024, 1256, range(34, 35), range(1)),
    "open": ([UNSEEN, "splits[1].unseen_percent=10"], 5028, 1252, range(26, 34), range(1, 9)),
    "disjoint": ([UNSEEN], 4980, 1300, range(1), range(4, 12)),
}
"""Overrides; faces of train and test as published; individuals in both, and in test alone."""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_shares_are_within_two_percent_of_the_published_and_individuals_are_where_they_may_be(
    protocol: str, tmp_path: Path
) -> None:
    more, train, test, in_both, alone = PROTOCOLS[protocol]
    (tmp_path / "recipe.toml").write_text(starter_recipe("macaque-faces"))
    recipe = load_recipe(tmp_path / "recipe.toml", more)
    who = [f"m{n}" for n, size in enumerate(SIZES) for _ in range(size)]
    ids = [f"face {n:04}" for n in range(FACES)]
    nowhere = pa.nulls(FACES, pa.string())
    kept = pa.table(dict.fromkeys(("record_id", "image_id", "media_id", "group_id"), ids)).append_column(
        "name_id", pa.repeat("n", FACES)
    )
    kept = kept.append_column("source", pa.repeat("macaques", FACES))
    names = pa.table({"name_id": ["n"], "accepted_id": ["Macaca mulatta"]})
    with sql.connect(256, tmp_path) as con:
        con.register("kept", kept)
        con.register("names", names)
        con.register(
            "records",
            pa.table({"record_id": ids, "individual_key": who, "source": kept["source"], "dataset_key": nowhere}),
        )
        rows = [
            row for part in decide(con, "kept", "names", recipe, "records", "records") for row in part[0].to_pylist()
        ]
    split = {row["record_id"]: row["split"] for row in rows}
    shares = Counter(split.values())
    assert abs(shares["train"] - train) <= 0.02 * train and abs(shares["test"] - test) <= 0.02 * FACES
    both = [{name for name, face in zip(who, ids, strict=True) if split[face] == part} for part in ("train", "test")]
    assert both[0] | both[1] == set(who)
    assert len(both[0] & both[1]) in in_both and len(both[1] - both[0]) in alone
