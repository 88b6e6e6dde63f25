"""What hosts say of the length of some media, by HEAD requests: only where a plan is asked for it.

They are sent as media are fetched: at the recipe's rates, by robots.txt, with its contact and its guards. A host that
does not answer HEAD, or without a length, says nothing, and costs no more than that. What is gone has no bytes, as in
the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from duckdb.func import ARROW

from manifests import Recipe
from pipeline.media import Fetcher, open_store
from pipeline.model.chunks import whole
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome
from pipeline.model.vector_hashes import hash64_array, hexadecimal
from pipeline.planning.plan_facts import Heads, Range
from pipeline.planning.sampled_bytes import by_pixels, estimate
from pipeline.planning.volume import HEAD, Measured
from pipeline.storage import database as sql
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_SQL = Statements(__name__)
_SALT = "head"
_UNTOLD = frozenset({Outcome.BLOCKED, Outcome.HTTP_ERROR, Outcome.THROTTLED, Outcome.TIMEOUT})


@dataclass(frozen=True, slots=True)
class _Medium:
    source: str
    store: str
    address: str
    pixels: float
    """0: none are declared."""


def head_sizes(
    con: duckdb.DuckDBPyConnection, folder: RunFolder, recipe: Recipe, per_source: int
) -> tuple[Mapping[str, Measured], Heads]:
    """Ask for the length of `per_source` media of every source, and return what that says of all its media.

    The media are the first in the order of a seeded hash, so the same every time; those of local stores are read.
    Raises what a fetch raises.
    """
    candidates = sql.parquet(folder.stage("screen") / "candidates")
    con.create_function("head_order", _order(recipe.seed), ["VARCHAR"], "VARCHAR", type=ARROW)
    wanted = [_Medium(*row) for row in con.execute(_SQL("asked", candidates=candidates, most=per_source)).fetchall()]
    hosts = [medium for medium in wanted if not medium.store]
    with Fetcher(recipe.fetch, head=True) as fetcher:
        told = dict(fetcher.fetch_all([medium.address for medium in hosts]))
    lengths = [(medium, told[place]) for place, medium in enumerate(hosts)]
    lengths += _stored(recipe, [medium for medium in wanted if medium.store])
    seen: dict[str, list[tuple[int, float]]] = {}
    for medium, answer in lengths:
        length = _length(answer)
        if length is not None:
            seen.setdefault(medium.source, []).append((length, medium.pixels))
    found = {source: Measured(_fetched(con, source, pairs), None, HEAD) for source, pairs in sorted(seen.items())}
    answered = [answer.length for answer in told.values() if answer.ok and answer.length >= 0]
    return found, Heads(len(hosts), len(answered), round(sum(answered) / len(answered)) if answered else None)


def _stored(recipe: Recipe, media: Sequence[_Medium]) -> Iterator[tuple[_Medium, Fetched]]:
    """Yield what local stores have of media."""
    for spec in recipe.sources:
        of_store = [medium for medium in media if medium.store == spec.name]
        if of_store:
            with open_store(spec.media) as store:
                for medium in of_store:
                    yield medium, store.read(medium.address, recipe.fetch.max_bytes)


def _length(answer: Fetched) -> int | None:
    """Return the bytes that a medium will have: 0 of one that will not come; None where nobody knows.

    A host that refuses HEAD, or is busy, may give the medium itself.
    """
    if answer.ok:
        return len(answer.data) if answer.data else answer.length if answer.length >= 0 else None
    return None if answer.outcome in _UNTOLD else 0


def _fetched(con: duckdb.DuckDBPyConnection, source: str, pairs: Sequence[tuple[int, float]]) -> Range:
    """Return the bytes of all media of a source by the length and the declared pixels of some."""
    sizes, pixels = (np.asarray(each, np.float64) for each in zip(*pairs, strict=True))
    query = _SQL("whole", most=float(pixels.max()), source=source)
    media, declared, summed, within = con.execute(query).fetchall()[0]
    return by_pixels(sizes, media, pixels, summed, within) if declared else estimate(sizes, media)


def _order(seed: int) -> Callable[[pa.ChunkedArray], Any]:
    return lambda keys: hexadecimal(hash64_array(seed, _SALT, whole(keys)))
