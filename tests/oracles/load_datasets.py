"""Load folders and lists of shards with Hugging Face `datasets`, streaming and not, and print what came, as JSON.

    python tests/oracles/load_datasets.py CACHE PATH ...

A PATH with commas is a list of files for the `webdataset` builder, without any card; `PATH@CONFIG` names a config.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import datasets


def load(path: str, streaming: bool, cache: str) -> Any:
    if path.endswith(".tar"):
        found = datasets.load_dataset(
            "webdataset", data_files={"train": path.split(",")}, streaming=streaming, cache_dir=cache
        )
    else:
        folder, _, config = path.partition("@")
        found = datasets.load_dataset(folder, config or None, streaming=streaming, cache_dir=cache)
    return found


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
            except Exception as error:  # what a user would see is the finding
                rows = f"{type(error).__name__}: {error}; {error.__cause__!r}"
            found[f"{path} {'streaming' if streaming else 'whole'}"] = rows
    print(json.dumps(found))


if __name__ == "__main__":
    main()
