"""The work units of likeness: bands of the exact self-join, and ranges of hashes against all held-out images.

Every unit reads what the stage wrote before (`hashes.npy`, `phashes.npy`, `nodes.parquet`) and writes its pairs, so
units run in any order, on any worker, and again after a kill.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from dedup import HeldOut, band_pairs, find_leaks, plan_bands
from manifests import ImageRules
from pipeline.atomic import write_table
from pipeline.likeness.hashing import thumbnail
from pipeline.likeness.search import DOUBTFUL, doubtful, informative
from pipeline.likeness.verification import pair_residuals
from pipeline.media import Processed, stored_raster

LEAK_UNIT_HASHES = 200_000
PAIR_SCHEMA = pa.schema(
    [
        ("left", pa.int64()),  # places in hashes.npy
        ("right", pa.int64()),
        ("distance", pa.int32()),
        ("residual", pa.float64()),  # of the thumbnails of the two preferred images
    ]
)
FOUND_SCHEMA = pa.schema(
    [
        ("hash", pa.int64()),  # place in hashes.npy, or in phashes.npy
        ("rule", pa.string()),  # hamming, phash or doubtful
        ("benchmark", pa.string()),
        ("item", pa.string()),
        ("variant", pa.int32()),  # which of the 8 dihedral variants
        ("distance", pa.int32()),
    ]
)
NODE_SCHEMA = pa.schema([("unit", pa.string()), ("offset", pa.int64()), ("length", pa.int64())])
"""Where the stored image of each distinct hash lies in fetch's blobs: the preferred one of those that bear it."""
_WHOLE = ImageRules(side=65_500, min_side=1)
_MAX_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class Band:
    """One band of the self-join."""

    band: int

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        return f"pairs/band-{self.band:03d}.parquet"


@dataclass(frozen=True, slots=True)
class Range:
    """One range of hashes of one name to compare with all held-out images."""

    name: str
    start: int
    stop: int

    @property
    def output(self) -> str:
        """Output, relative to the stage."""
        return f"found/{self.name}-{self.start:012d}.parquet"


@dataclass(frozen=True, slots=True)
class FindPairs:
    """Work on one unit of either kind."""

    folder: str
    held_out: str
    blobs: str
    duplicate_distance: int
    leak_distance: int
    leak_phash_distance: int
    minimum_quality: int

    def __call__(self, unit: Band | Range) -> None:
        """Write the unit's pairs."""
        if isinstance(unit, Band):
            write_table(Path(self.folder) / unit.output, self._pairs(unit))
        else:
            write_table(Path(self.folder) / unit.output, self._found(unit))

    def _pairs(self, unit: Band) -> pa.Table:
        folder = Path(self.folder)
        hashes = np.load(folder / "hashes.npy", mmap_mode="r")
        pairs = band_pairs(hashes, plan_bands(256, self.duplicate_distance), unit.band)
        thumbnails = self._thumbnails(np.unique(np.concatenate([pairs.left, pairs.right])))
        left = [thumbnails[place] for place in pairs.left.tolist()]
        right = [thumbnails[place] for place in pairs.right.tolist()]
        columns = [pa.array(pairs.left), pa.array(pairs.right), pa.array(pairs.distance, pa.int32())]
        return pa.Table.from_arrays([*columns, pa.array(pair_residuals(left, right))], schema=PAIR_SCHEMA)

    def _thumbnails(self, places: npt.NDArray[np.int64]) -> dict[int, bytes | None]:
        """Give the thumbnails of the stored images of some hashes, 4 KB each."""
        nodes = pq.read_table(Path(self.folder) / "nodes.parquet", memory_map=True).take(pa.array(places))
        order = np.lexsort((nodes["offset"].to_numpy(), np.array(nodes["unit"].to_pylist(), dtype=object)))
        found: dict[int, bytes | None] = {}
        for at in order.tolist():
            row = {name: nodes[name][at].as_py() for name in NODE_SCHEMA.names}
            raster = stored_image(Path(self.blobs), row["unit"], row["offset"], row["length"])
            found[int(places[at])] = None if isinstance(raster, Processed) else thumbnail(raster)
        return found

    def _found(self, unit: Range) -> pa.Table:
        items = pq.read_table(self.held_out)
        name = "hashes.npy" if unit.name == "pdq" else "phashes.npy"
        part = np.load(Path(self.folder) / name, mmap_mode="r")[unit.start : unit.stop]
        distance = self.leak_distance if unit.name == "pdq" else self.leak_phash_distance
        rule = "hamming" if unit.name == "pdq" else "phash"
        tables = [self._leaks(part, unit.start, informative(items, self.minimum_quality, unit.name), distance, rule)]
        if unit.name == "pdq":
            tables.append(self._leaks(part, unit.start, doubtful(items, self.minimum_quality), distance, DOUBTFUL))
        return pa.concat_tables(tables)

    def _leaks(self, part: npt.NDArray[np.uint8], start: int, held: HeldOut, distance: int, rule: str) -> pa.Table:
        if not len(held):
            return FOUND_SCHEMA.empty_table()
        # Only hashes that carry information are in the array, so every one of them is compared.
        leaks = find_leaks(part, np.full(len(part), self.minimum_quality), held, distance)
        columns = [
            pa.array(leaks.train + start),
            pa.array([rule] * len(leaks), pa.string()),
            pa.array([held.benchmark[i] for i in leaks.held_out.tolist()], pa.string()),
            pa.array([held.item[i] for i in leaks.held_out.tolist()], pa.string()),
            pa.array(leaks.variant, pa.int32()),
            pa.array(leaks.distance, pa.int32()),
        ]
        return pa.Table.from_arrays(columns, schema=FOUND_SCHEMA)


def stored_image(blobs: Path, unit: str, offset: int, length: int) -> Image.Image | Processed:
    """Give the stored image at a place of fetch's blobs, or the refusal of what is no image any more."""
    handle = os.open(blobs / f"{unit}.bin", os.O_RDONLY)
    try:
        return stored_raster(os.pread(handle, length, offset), _WHOLE, _MAX_PIXELS)
    finally:
        os.close(handle)
