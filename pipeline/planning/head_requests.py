"""What hosts say of the length of some media, by HEAD requests: only where a plan is asked for it.

They are sent as media are fetched: at the recipe's rates, by robots.txt, with its contact and its guards. A host that
does not answer HEAD, or without a length, says nothing, and costs no more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from duckdb.func import ARROW

from manifests import Recipe
from pipeline.media import Fetcher
from pipeline.model.chunks import whole
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.planning.plan_facts import Heads
from pipeline.planning.sampled_bytes import estimate
from pipeline.planning.volume import HEAD, Measured
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SQL = Statements(__name__)
_SALT = "head"


def head_sizes(
    con: duckdb.DuckDBPyConnection, folder: RunFolder, recipe: Recipe, per_source: int
) -> tuple[Mapping[str, Measured], Heads]:
    """Ask for the length of `per_source` media of every source, and return what that says of all its media.

    The media are the first in the order of a seeded hash, so the same every time. Raises what a fetch raises.
    """
    candidates = sql.parquet(folder.stage("screen") / "candidates")
    con.create_function("head_order", _order(recipe.seed), ["VARCHAR"], "VARCHAR", type=ARROW)
    asked = con.execute(_SQL("asked", candidates=candidates, most=per_source)).fetchall()
    lengths: dict[str, list[int]] = {}
    with Fetcher(recipe.fetch, head=True) as fetcher:
        told = dict(fetcher.fetch_all([address for _, _, address in asked]))
    for place, (source, _, _) in enumerate(asked):
        if told[place].ok and told[place].length >= 0:
            lengths.setdefault(source, []).append(told[place].length)
    media = dict(con.execute(_SQL("media")).fetchall())
    found = {
        source: Measured(estimate(np.asarray(sizes, np.float64), media[source]), None, HEAD)
        for source, sizes in sorted(lengths.items())
    }
    answered = [size for sizes in lengths.values() for size in sizes]
    return found, Heads(len(asked), len(answered), round(sum(answered) / len(answered)) if answered else None)


def _order(seed: int) -> Callable[[pa.ChunkedArray], Any]:
    return lambda keys: hexadecimal(hash64_array(seed, _SALT, whole(keys)))
