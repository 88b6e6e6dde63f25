"""Export as a Hugging Face dataset folder: Parquet files with the images in them, which `load_dataset(FOLDER)` reads.

The features are stated in the Parquet metadata, so that the image column decodes without a loading script.
Source: Hugging Face Hub documentation, "Data files Configuration" and "Image Dataset".
"""

from __future__ import annotations

import json
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.cards.markdown import code
from pipeline.export.bytes import ShardBytes
from pipeline.export.choice import Choice
from pipeline.export.classes import class_column, class_names
from pipeline.export.written import IMAGE_COLUMNS
from pipeline.model.records import RANK_COLUMNS
from pipeline.storage.files.atomic import table_writer, write_text

_TEXTS = (
    *("key", "accepted_id", "accepted_name", *RANK_COLUMNS, "vernacular_name", "source", "source_record_id"),
    *("license_id", "rights_holder", "creator", "source_page", "group_id"),
)
_ROWS = 100
"""Images of one row group: what a reader holds at once."""
_NAMES = {"val": "validation"}
"""Splits as Hugging Face spells them."""


def _schema(names: dict[str, str]) -> pa.Schema:
    features: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": list(names.values()), "_type": "ClassLabel"},
        **{text: {"dtype": "string", "_type": "Value"} for text in _TEXTS},
    }
    image = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
    fields = [pa.field("image", image), pa.field("label", pa.int64()), *(pa.field(t, pa.string()) for t in _TEXTS)]
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def export_hugging_face(choice: Choice, out: Path, level: str) -> dict[str, int]:
    """Write `data/SPLIT-NNNNN.parquet` and README.md with the split's files; give images by split."""
    names = class_names(choice, level)
    number = {key: place for place, key in enumerate(names)}
    schema = _schema(names)
    per_file = choice.recipe.shards.samples_per_shard
    quoted = ", ".join(f'"{text}"' for text in _TEXTS if text != "key")
    columns = f"{IMAGE_COLUMNS}, {quoted}, {class_column(level)} AS class_id"
    written: dict[str, int] = {}
    with ShardBytes(choice.images / "shards") as source:
        rows = (row for row in choice.rows(columns, "split, jpeg_sha256, key") if row["class_id"] is not None)
        for split, group in groupby(rows, key=lambda row: _NAMES.get(row["split"], str(row["split"]))):
            for file, numbered in groupby(enumerate(group), key=lambda pair: pair[0] // per_file):
                part = (row for _, row in numbered)
                with table_writer(out / "data" / f"{split}-{file:05d}.parquet", schema) as writer:
                    while some := list(islice(part, _ROWS)):
                        table = [_row(row, source.jpeg(row), number[row["class_id"]]) for row in source.ahead(some)]
                        writer.write_table(pa.Table.from_pylist(table, schema))
                        written[split] = written.get(split, 0) + len(some)
    files = "".join(f"  - split: {split}\n    path: data/{split}-*.parquet\n" for split in sorted(written))
    write_text(
        out / "README.md",
        "---\nlicense: other\nlicense_name: per-image\ntags:\n- biology\nconfigs:\n"
        "- config_name: default\n  data_files:\n"
        f"{files}---\n\nA part of {code(choice.recipe.name)}, written by Biomill. Every image has its own licence: "
        "see the columns license_id, rights_holder, creator and source_page, and ATTRIBUTION.parquet.\n",
    )
    return written


def _row(row: dict[str, Any], image: bytes, label: int) -> dict[str, Any]:
    return {**row, "image": {"bytes": image, "path": f"{row['key']}.jpg"}, "label": label}
