"""BIOSCAN-5M: one metadata CSV, and images in a local store whose folders follow from split and processid.

Images lie at `{split}/{chunk}/{processid}.jpg`; the chunk is the beginning of md5(processid), two hexadecimal digits in
the split pretrain, one in train and other_heldout, none elsewhere. Source: Gharaee et al. 2024, BIOSCAN-5M, and the
published loader. Chunks are text: read as numbers, `00` would lose a digit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.tables import Dialect
from pipeline.model.ids import ended_id
from pipeline.model.outcomes import Outcome
from pipeline.sources.bioscan.bioscan_metadata import (
    HOLDER,
    SAFE_NAME,
    BioscanMetadata,
    MetadataLayout,
    bin_id,
    lowest_name,
    named,
    specimen_columns,
    specimen_keys,
)
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.vocabulary_columns import country_columns
from pipeline.sources.release.base import Mapped, Release

METADATA_COLUMNS = (
    *("processid", "phylum", "class", "order", "family", "subfamily", "genus", "species", "dna_bin", "dna_barcode"),
    *("country", "coord-lat", "coord-lon", "split", "chunk", "index_bioscan_1M_insect"),
)
LICENCE = "CC-BY-3.0"
"""The licence under which images and metadata of BIOSCAN-5M are published."""
CREATOR = "CBG Photography Group"
CHUNK_DIGITS: Mapping[str, int] = {"pretrain": 2, "train": 1, "other_heldout": 1}
_NAMED_RANKS = ("species", "genus", "subfamily", "family", "order", "class", "phylum")
_SAFE = re.compile(SAFE_NAME.removesuffix("$"))
_LAYOUT = MetadataLayout(
    Dialect(",", quoted=True),
    (".csv",),
    METADATA_COLUMNS,
    ("processid", "split"),
    "BIOSCAN_5M_Insect_Dataset_metadata.csv",
    "use the metadata CSV of BIOSCAN-5M",
)


class Bioscan5M(BioscanMetadata):
    """Reader of the BIOSCAN-5M metadata: a CSV, plain, gzipped or in a zip, or the folder that holds it."""

    kind = "bioscan5m"

    layout = _LAYOUT
    wanted = METADATA_COLUMNS

    def map(self, tables: Mapping[str, pa.Table], release: Release) -> Mapped:
        """Return one record per specimen; rows without a usable processid end as id_missing."""
        table = tables["metadata"].combine_chunks()
        usable, index = c.per_distinct(lambda key: _SAFE.fullmatch(key) is not None, c.text(table, "processid"))
        good = pa.array(usable, pa.bool_()).take(index)
        without = table.filter(pc.invert(good))
        ended = c.ended_rows(
            without,
            release.spec.name,
            Outcome.ID_MISSING,
            [ended_id(release.spec.name, "metadata", text) for text in c.row_texts(without)],
            [{"rule": "the row has no processid that can name a file", "value": _shown(v)} for v in _ids(without)],
        )
        return Mapped(_records(table.filter(good), release), ended, absorbed=0)


def chunk_of(processid: str, split: str) -> str:
    """Return the chunk folder of a specimen; empty where its split has none.

    >>> chunk_of("AACTA1040-20", "pretrain"), chunk_of("AACTA1026-20", "train"), chunk_of("AACTA161-20", "val")
    ('00', '0', '')
    """
    digits = CHUNK_DIGITS.get(split, 0)
    return hashlib.md5(processid.encode(), usedforsecurity=False).hexdigest()[:digits]


def image_path(processid: str, split: str) -> str:
    """Return the path of a specimen's image inside the store.

    >>> image_path("AACTA1040-20", "pretrain"), image_path("AACTA161-20", "val")
    ('pretrain/00/AACTA1040-20.jpg', 'val/AACTA161-20.jpg')
    """
    return "/".join(part for part in (split, chunk_of(processid, split), f"{processid}.jpg") if part)


def _ids(table: pa.Table) -> list[str | None]:
    values: list[str | None] = table.column("processid").to_pylist()
    return values


def _shown(value: str | None) -> str:
    return (value or "")[:200]


def _records(table: pa.Table, release: Release) -> pa.Table:
    rows, spec = table.num_rows, release.spec
    processid, split = c.text(table, "processid"), c.text(table, "split")
    ids = processid.to_pylist()
    splits = [name if _SAFE.fullmatch(name) else "" for name in pc.fill_null(split, "").to_pylist()]
    expected = [chunk_of(*pair) for pair in zip(ids, splits, strict=True)]
    stated = pc.fill_null(c.text(table, "chunk"), "").to_pylist()
    names = {rank: named(table, rank) for rank in _NAMED_RANKS}
    name, rank = lowest_name(names)
    keys = specimen_keys(processid)
    lat, lon, masks = c.coordinates(c.text(table, "coord-lat"), c.text(table, "coord-lon"))
    licence, licence_masks = c.licence_columns([("default", c.constant(spec.license or LICENCE, rows))], keys)
    country, country_masks = country_columns(named(table, "country"))
    masks = {
        **masks,
        **licence_masks,
        **country_masks,
        "NAME_EMPTY": c.is_null(name),
        "IN_BIOSCAN_1M": ~c.is_null(c.text(table, "index_bioscan_1M_insect")),
        "SPLIT_MISSING": np.array([not name for name in splits], dtype=bool),
        "CHUNK_MISMATCH": np.array([a.lower() != b for a, b in zip(stated, expected, strict=True)], dtype=bool),
    }
    bin_uri = c.text(table, "dna_bin")
    columns = {
        **specimen_columns(table, processid, release),
        "media_path": pa.array([image_path(*pair) for pair in zip(ids, splits, strict=True)], pa.string()),
        **licence,
        "rights_holder": c.constant(HOLDER, rows),
        "creator": c.constant(CREATOR, rows),
        "scientific_name": name,
        "rank_verbatim": rank,
        **{r: names[r] for r in _NAMED_RANKS if r != "subfamily"},
        "taxon_id": bin_id(bin_uri),
        "lat": lat,
        "lon": lon,
        **country,
        "dna_bin": bin_uri,
        "dna_barcode": c.text(table, "dna_barcode"),
        "split_hint": split,
        "issues": c.issue_lists(masks, rows),
    }
    return c.records(columns, rows)
