"""The statement: what a finished run guarantees about every benchmark it holds out, each sentence proven anew.

Nothing is taken from the likeness stage: the images that the shards hold are read from their manifest, their hashes
from fetch's own table, and the search is made again, with canaries planted among them and a brute-force audit beside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dedup import HASH_SPEC, BothHashes, HeldOut, find_leaks
from dedup.pairs import as_words, distances
from manifests import BenchmarkSpec, Recipe
from pipeline.catalog import open_catalog
from pipeline.likeness.canaries import audited, planted_hashes, planted_images
from pipeline.likeness.pair_certificate import by_pair
from pipeline.likeness.search import compares_pairs, doubtful, informative
from pipeline.storage.parquet_files import read_table
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder, on_disk
from pipeline.storage.statements import Statements

AUDIT_PAIRS = 100_000_000
"""Most pairs of hashes that are compared by brute force, per benchmark and hash; fewer are all compared."""
_BLOCK = 1 << 19


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of the guarantee, and whether it holds."""

    benchmark: str
    holds: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """The images that the shards hold."""

    image_id: list[str]
    table: pa.Table
    usable: npt.NDArray[np.bool_]

    def hashes(self, name: str) -> npt.NDArray[np.uint8]:
        """Return the hashes that carry information, in the order of the images."""
        column = self.table.filter(pa.array(self.usable))[name].to_pylist()
        if name == "pdq":
            return np.frombuffer(b"".join(column), np.uint8).reshape(-1, 32)
        return np.frombuffer(bytes.fromhex("".join(column)), np.uint8).reshape(-1, 8)


def certify(root: Place, catalog: duckdb.DuckDBPyConnection | None = None) -> Iterator[Statement]:
    """State and prove the leakage guarantee of a finished run, benchmark by benchmark.

    `catalog`: the run's, where the caller has it open already. Raises RunError when the run is not finished. Memory:
    the hashes of the kept and the held-out images.
    """
    folder = on_disk(root)
    folder.require("catalog")
    recipe = folder.recipe()
    if not recipe.benchmarks:
        yield Statement("", True, "no benchmark is held out, so nothing is guaranteed about leaks")
        return
    kept = _kept(folder, recipe)
    items = read_table(folder.stage("holdout") / "items")
    yield _unknown(kept, recipe)
    for benchmark in recipe.benchmarks:
        own = items.filter(pa.compute.equal(items["benchmark"], benchmark.name))
        for name, distance in (("pdq", recipe.likeness.leak_distance), ("phash", recipe.likeness.leak_phash_distance)):
            if distance >= 0 and own.num_rows:
                yield from _by_hash(recipe, benchmark, kept, own, name, distance)
        if compares_pairs(recipe.likeness) and own.num_rows:
            both = BothHashes(kept.hashes("phash"), kept.hashes("pdq"))
            names = [kept.image_id[row] for row in np.flatnonzero(kept.usable).tolist()]
            for holds, sentence in by_pair(benchmark.name, both, names, own, recipe.likeness, AUDIT_PAIRS):
                yield Statement(benchmark.name, holds, sentence)
        if own.num_rows:
            yield _covered(benchmark, own, recipe)
            yield _by_content(benchmark, kept, own)
        with nullcontext(catalog) if catalog is not None else open_catalog(folder.root) as con:
            yield from _by_key(con, benchmark)


def _kept(folder: RunFolder, recipe: Recipe) -> _Kept:
    held = read_table(folder.stage("shards") / "manifest.parquet", columns=["image_id"])
    wanted = pa.compute.unique(held["image_id"])
    columns = ["image_id", "sha256", "pixel_sha256", "pdq", "phash", "quality"]
    media = read_table(folder.stage("fetch") / "media", columns=columns)
    media = media.filter(pa.compute.is_in(media["image_id"], wanted)).sort_by("image_id")
    quality = media["quality"].to_numpy()
    return _Kept(media["image_id"].to_pylist(), media, np.asarray(quality >= recipe.likeness.minimum_quality))


def _unknown(kept: _Kept, recipe: Recipe) -> Statement:
    """Return how many kept images no hash can clear; none may be there unless the recipe keeps them."""
    count = int((~kept.usable).sum())
    policy = recipe.likeness.leak_unknown
    sentence = (
        f"{count:,} of {len(kept.image_id):,} kept images have a hash that says too little to clear them "
        f"(leak_unknown = '{policy}')"
    )
    return Statement("", count == 0 or policy == "keep", sentence)


def _by_hash(
    recipe: Recipe,
    benchmark: BenchmarkSpec,
    kept: _Kept,
    items: pa.Table,
    name: str,
    distance: int,
) -> Iterator[Statement]:
    """Prove that no kept image lies within the distance of a held-out one, and that the search would have found it."""
    minimum = recipe.likeness.minimum_quality
    sides = [(informative(items, minimum, name), "")]
    if name == "pdq":
        low = doubtful(items, minimum)
        # With leak_unknown = 'keep' such images stay, and are counted above; they are no broken promise.
        sides += [(low, " whose own hash says little")] if len(low) and recipe.likeness.leak_unknown == "drop" else []
    train, spec = kept.hashes(name), HASH_SPEC if name == "pdq" else "phash-64"
    for held, which in sides:
        if not len(held):
            continue
        planted = planted_hashes(held, distance)
        shown = _image_canaries(items, held, recipe) if name == "pdq" and not which else []
        copies = np.frombuffer(b"".join(pdq for _, pdq in shown), np.uint8).reshape(-1, train.shape[1])
        everything = np.concatenate([train, planted, copies])
        found = find_leaks(everything, np.full(len(everything), 100), held, distance)
        leaking = found.train[found.train < len(train)]
        hit = set(found.train.tolist())
        start = len(train) + len(planted)
        caught = sum(row in hit for row in range(len(train), start))
        seen = sum(row in hit for row in range(start, len(everything)))
        nearest, rows, columns = _nearest(everything, len(train), held, kept)
        honest = {row for row, between in nearest.items() if between <= distance}
        whole = rows == len(train) and columns == len(held.pdq)
        close = [between for row, between in nearest.items() if row < len(train)]
        smallest = (
            f"{min(close)}" + ("" if whole else f" in a sample of {rows:,}") if close else "none, nothing is kept"
        )
        first = "" if not len(leaking) else f", such as {_named(kept, int(leaking[0]))}"
        yield Statement(
            benchmark.name,
            len(leaking) == 0,
            f"{benchmark.name}, {spec}: {_count(len(leaking))} kept image of {len(train):,} lies "
            f"within Hamming distance {distance} of any of {len(held):,} held-out images{which}, mirrored or turned "
            f"({len(held.pdq):,} hashes); the smallest distance found is {smallest}{first}",
        )
        by_image = f", {seen:,} of {len(copies):,} changed copies of its images" if len(copies) else ""
        yield Statement(
            benchmark.name,
            caught == len(planted) and seen == len(copies),
            f"{benchmark.name}, {spec}: the search found {caught:,} of {len(planted):,} planted canaries{by_image}",
        )
        compared = {row for row in hit if row in nearest}
        same = honest == compared if columns == len(held.pdq) else honest <= compared
        yield Statement(
            benchmark.name,
            same,
            f"{benchmark.name}, {spec}: brute force over {len(nearest):,} x {columns:,} hashes finds "
            f"{'the same images' if same else 'other images'} within {distance} ({len(honest):,}, canaries included)",
        )


def _image_canaries(items: pa.Table, held: HeldOut, recipe: Recipe) -> list[tuple[str, bytes]]:
    clear = {held.item[owner] for owner in held.owner.tolist()}
    rows = zip(items["item"].to_pylist(), items["thumbnail"].to_pylist(), strict=True)
    thumbnails = {item: thumbnail for item, thumbnail in rows if thumbnail is not None and item in clear}
    return planted_images(thumbnails, recipe.likeness.minimum_quality)


def _count(number: int) -> str:
    return f"{number:,}" if number else "no"


def _named(kept: _Kept, row: int) -> str:
    return kept.image_id[int(np.flatnonzero(kept.usable)[row])]


def _nearest(hashes: npt.NDArray[np.uint8], train: int, held: HeldOut, kept: _Kept) -> tuple[dict[int, int], int, int]:
    """Return the distance of sampled rows to the nearest held-out hash, by comparing all; and what was compared.

    The canaries behind the first `train` rows are always compared. Gives (row -> distance, kept rows, held-out hashes).
    """
    usable = np.flatnonzero(kept.usable)
    chosen, some = audited(train, len(hashes), len(held.pdq), lambda row: kept.image_id[int(usable[row])], AUDIT_PAIRS)
    columns = held.pdq[:some]
    left, right = as_words(hashes[chosen]), as_words(columns)
    step = max(1, _BLOCK // max(1, len(right)))
    parts = [
        distances(left[start : start + step, np.newaxis], right[np.newaxis]).min(axis=1)
        for start in range(0, len(left), step)
    ]
    least = np.concatenate(parts) if parts else np.empty(0, np.int16)
    return dict(zip(chosen.tolist(), least.tolist(), strict=True)), int((chosen < train).sum()), some


def _covered(benchmark: BenchmarkSpec, items: pa.Table, recipe: Recipe) -> Statement:
    """Return which held-out items no hash guards; they are reported, and guarded by bytes and keys."""
    names = ["pdq"] + (["phash"] if recipe.likeness.leak_phash_distance >= 0 else [])
    guarded = {
        held.item[owner]
        for name in names
        for held in (informative(items, recipe.likeness.minimum_quality, name),)
        for owner in held.owner.tolist()
    }
    open_items = sorted(set(items["item"].to_pylist()) - guarded)
    example = f", such as {open_items[0]}" if open_items else ""
    return Statement(
        benchmark.name,
        True,
        f"{benchmark.name}: {len(open_items):,} held-out items have no usable hash{example}, and are covered by bytes "
        "and id only",
    )


def _by_content(benchmark: BenchmarkSpec, kept: _Kept, items: pa.Table) -> Statement:
    rows: set[int] = set()
    for name in ("sha256", "pixel_sha256"):
        known = set(items[name].to_pylist()) - {None}
        rows |= {row for row, digest in enumerate(kept.table[name].to_pylist()) if digest in known}
    same = len(rows)
    return Statement(
        benchmark.name,
        same == 0,
        f"{benchmark.name}: {_count(same)} kept image of {len(kept.image_id):,} has the bytes or "
        f"pixels of any of {items.num_rows:,} held-out items",
    )


_SQL = Statements(__name__)
_KEYED: Sequence[tuple[str, str, str]] = (
    ("media key", "media_key", "s.media_key"),
    ("record", "record_key", "s.source || ':' || s.source_record_id"),
    ("occurrence", "occurrence_key", "s.occurrence_key"),
)


def _by_key(con: duckdb.DuckDBPyConnection, benchmark: BenchmarkSpec) -> Iterator[Statement]:
    """Prove that no kept image has a key of a held-out item, or is of a species that is held out."""
    for title, column, own in _KEYED:
        listed = " UNION ".join(
            f"({_SQL('keys', column=column, files=f'holdout/{table}/*.parquet')})" for table in ("items", "ids")
        )
        count = _one(con, f"SELECT count(*) FROM ({listed})", benchmark.name)
        if not count:
            continue
        other = f" OR s.source || ':' || {own} IN (SELECT key FROM ({listed}))" if column == "occurrence_key" else ""
        shared = _one(
            con, f"SELECT count(*) FROM samples s WHERE {own} IN (SELECT key FROM ({listed})){other}", benchmark.name
        )
        yield Statement(
            benchmark.name,
            shared == 0,
            f"{benchmark.name}: {_count(shared)} kept image has one of {count:,} held-out {title}s",
        )
    taxa, open_taxa = (
        _one(con, f"SELECT count(*) FROM held_taxa WHERE benchmark = $1 AND species_id IS {rule}", benchmark.name)
        for rule in ("NOT NULL", "NULL")
    )
    if not taxa and not open_taxa:
        return
    shared = _one(
        con,
        _SQL("of_held_species"),
        benchmark.name,
    )
    yield Statement(
        benchmark.name,
        shared == 0,
        f"{benchmark.name}: {_count(shared)} kept image is of one of the accepted species of "
        f"{taxa:,} held-out taxa; {open_taxa:,} taxa are above the species or not in the taxonomy and hold nothing out",
    )


def _one(con: duckdb.DuckDBPyConnection, query: str, benchmark: str) -> int:
    return int(con.execute(query, [benchmark]).fetchall()[0][0])
