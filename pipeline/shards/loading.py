"""The README.md of a folder of shards: how Hugging Face `datasets` loads it, and what every key is.

Its metadata block declares the files of each split and the type of every column, so that nothing is inferred.
Source: Hugging Face Hub documentation, "Manual Configuration" (configs, data_files) and "Dataset features" (the YAML
that `datasets.Features` writes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from pipeline.shards.members import LEAN, member_suffixes
from pipeline.shards.sample_json import json_schema, key_table

README = "README.md"
SPLIT_NAMES = {"val": "validation"}
"""Splits as Hugging Face spells them."""
_ROWS = (
    'The rows, in the order of the images: `datasets.load_dataset("parquet", data_files="{prefix}-{split}-*.parquet")`.'
)
_DTYPES = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64", pa.bool_(): "bool"}


def loading_block(prefix: str, splits: Iterable[str], layout: str, under: str = "") -> str:
    """Return the lines of a card's YAML that declare shards: `configs` and `dataset_info`, '' where there is no split.

    `splits` are those that have shards, `PREFIX-SPLIT-NNNNNN.tar` in the folder `under` ('' or ending in '/').

    >>> print(loading_block("demo", ["val", "train"], "lean"), end="")
    configs:
    - config_name: default
      data_files:
      - split: train
        path: demo-train-*.tar
      - split: validation
        path: demo-val-*.tar
    dataset_info:
    - config_name: default
      features:
      - name: jpg
        dtype: image
      - name: txt
        dtype: string
      - name: __key__
        dtype: string
      - name: __url__
        dtype: string
    """
    names = sorted(splits)
    if not names:
        return ""
    lines = ["configs:", "- config_name: default", "  data_files:"]
    for split in names:
        lines += [f"  - split: {SPLIT_NAMES.get(split, split)}", f"    path: {under}{prefix}-{split}-*.tar"]
    lines += ["dataset_info:", "- config_name: default", "  features:", *_features(layout)]
    return "\n".join(lines) + "\n"


def shards_readme(name: str, prefix: str, splits: Iterable[str], layout: str) -> str:
    """Return the text of README.md in a folder of shards; `name` is the recipe's, of letters, digits, '_' and '-'."""
    suffixes = " ".join(f"`KEY.{suffix}`" for suffix in member_suffixes(layout))
    lean, found = layout == LEAN, sorted(splits)
    where = "the `.parquet` beside each shard" if lean else "`KEY.json`"
    declared = ["---", *loading_block(prefix, found, layout).splitlines(), "---", ""]
    lines = [
        *(declared if found else ()),
        f"# Shards of {name}",
        "",
        f"WebDataset shards, globally shuffled. A sample is {suffixes}"
        + (", and a row of " + where if lean else "")
        + ".",
        "Every image has its own licence: see `license_id`, `rights_holder`, `creator` and `source_page`.",
        "",
        '`datasets.load_dataset("this folder")` gives all splits, every column typed as declared above.',
        *((_ROWS.format(prefix=prefix, split=found[0] if found else "train"),) if lean else ()),
        "",
        f"## What {where} tells of every sample",
        "",
        "Text that is not known is empty. A number that may be absent is text in JSON, empty then; in Parquet null.",
        "",
        *key_table(),
    ]
    return "\n".join(lines) + "\n"


def _features(layout: str) -> Iterator[str]:
    for suffix in member_suffixes(layout):
        yield f"  - name: {suffix}"
        if suffix == "json":
            yield "    struct:"
            yield from _struct(json_schema(), "    ")
        else:
            yield f"    dtype: {'image' if suffix == 'jpg' else 'string'}"
    for name in ("__key__", "__url__"):
        yield f"  - name: {name}"
        yield "    dtype: string"


def _struct(fields: Iterable[pa.Field], indent: str) -> Iterator[str]:
    for field in fields:
        yield f"{indent}- name: {field.name}"
        if pa.types.is_struct(field.type):
            yield f"{indent}  struct:"
            yield from _struct(field.type, indent + "  ")
        else:
            yield f"{indent}  dtype: {_DTYPES[field.type]}"
