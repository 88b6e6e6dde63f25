"""Load folders and lists of shards with Hugging Face `datasets`, streaming and not, and print what came, as JSON.

    python tests/oracles/load_datasets.py CACHE PATH ...

A PATH that ends in `.tar` or `.parquet` is for that format's builder, without any card: files with commas between.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import datasets


def load(path: str, streaming: bool, cache: str) -> Any:
    for ending, builder in ((".tar", "webdataset"), (".parquet", "parquet")):
        if path.endswith(ending):
            files = {"train": path.split(",")}
            return datasets.load_dataset(builder, data_files=files, streaming=streaming, cache_dir=cache)
    return datasets.load_dataset(path, streaming=streaming, cache_dir=cache)


def told(row: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "size", value) for name, value in row.items() if name != "__url__"}


def main() -> None:
    datasets.disable_progress_bars()
    cache, found = sys.argv[1], {}
    for number, path in enumerate(sys.argv[2:]):
        for streaming in (False, True):
            try:
                splits = load(path, streaming, f"{cache}/{number}")
                rows: Any = {split: [told(row) for row in table] for split, table in splits.items()}
            except Exception as error:  # noqa: BLE001 - what a user would see is the finding
                rows = f"{type(error).__name__}: {error}; {error.__cause__!r}"
            found[f"{path} {'streaming' if streaming else 'whole'}"] = rows
    print(json.dumps(found))


if __name__ == "__main__":
    main()
