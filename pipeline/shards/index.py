"""What lies beside the shards so that loaders need not scan them: DALI's index and the sizes file.

    biomill-000000.idx   v1.2 <samples>, then for each sample: ext offset size name ext offset size name ...
    sizes.json           {"biomill-000000.tar": 9987, ...}, which open_clip and BioCLIP 2 read for the epoch's length

Sources: NVIDIA DALI, fn.readers.webdataset, argument `index_paths`, index version 1.2 (offsets are those of the data,
in bytes); open_clip, `get_dataset_size`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.model.errors import StorageError, VerifyError
from pipeline.shards.tar import SampleLocation
from pipeline.shards.walk import sample_locations
from pipeline.storage.places import Place, RemotePath, place

SIZES = "sizes.json"
_VERSION = "v1.2"


def dali_index(samples: Sequence[SampleLocation]) -> str:
    """Return the text of a shard's DALI index, samples in the order in which they lie.

    >>> from pipeline.shards.tar import MemberLocation
    >>> members = (MemberLocation("jpg", 512, 3), MemberLocation("txt", 1536, 9))
    >>> print(dali_index([SampleLocation("a1", 0, 2048, members)]), end="")
    v1.2 1
    jpg 512 3 a1.jpg txt 1536 9 a1.txt
    """
    lines = [f"{_VERSION} {len(samples)}"]
    for sample in samples:
        lines.append(
            " ".join(
                f"{member.suffix} {member.offset} {member.size} {sample.key}.{member.suffix}"
                for member in sample.members
            )
        )
    return "\n".join(lines) + "\n"


def index_path(shard: str | os.PathLike[str]) -> Path:
    """Return the path of a shard's index.

    >>> index_path("shards/demo-000000.tar").as_posix()
    'shards/demo-000000.idx'
    """
    return Path(shard).with_suffix(".idx")


def verify_index(shard: str | os.PathLike[str]) -> int:
    """Walk a shard, compare it with its index, and give the number of samples in both.

    Raises VerifyError for a shard that `walk` refuses, a missing index, and the first line that differs.
    """
    samples = list(sample_locations(shard))
    path = index_path(shard)
    expected = dali_index(samples).splitlines()
    found = read_text(path).splitlines()
    for number in range(max(len(expected), len(found))):
        wanted = expected[number] if number < len(expected) else "(nothing)"
        stated = found[number] if number < len(found) else "(nothing)"
        if wanted != stated:
            raise VerifyError(
                f"the index says {stated[:200]!r}",
                f"{path}, line {number + 1}",
                f"{wanted[:200]!r}, as the shard has it",
                "write the index again from the shard",
            )
    return len(samples)


def sizes_json(sizes: Mapping[str, int]) -> str:
    """Return the text of sizes.json: the number of samples of each shard file, sorted by name.

    >>> print(sizes_json({"b.tar": 2, "a.tar": 3}), end="")
    {
      "a.tar": 3,
      "b.tar": 2
    }
    """
    return json.dumps(sizes, indent=2, sort_keys=True, ensure_ascii=True) + "\n"


def read_sizes(path: str | os.PathLike[str] | RemotePath) -> dict[str, int]:
    """Read sizes.json. Raises VerifyError when it is missing or anything but a table of counts by file name."""
    text = read_text(place(path))
    expected = "a table of sample counts by file name"
    try:
        sizes = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VerifyError(f"the file is not JSON: {error}", str(path), expected) from error
    if not isinstance(sizes, dict):
        raise VerifyError("the file holds no table", str(path), expected)
    for name, size in sizes.items():
        if type(size) is not int or size < 0:
            raise VerifyError(f"the size of {name!r} is {size!r}", str(path), "a count of samples")
    return sizes


def read_text(path: Place) -> str:
    """Read a UTF-8 text file that lies beside the shards; raise VerifyError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise VerifyError(
            f"the file cannot be read: {error.strerror}", str(path), "a file beside the shards"
        ) from error
    except UnicodeDecodeError as error:
        raise VerifyError("the file is not UTF-8", str(path), "a text file") from error


def write_text(path: Place, text: str) -> None:
    """Write a text file so that it is either whole or not there; raise StorageError when it cannot be written."""
    if not isinstance(path, Path):
        path.write_text(text)
        return
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StorageError(
            f"the file cannot be written: {error.strerror}", str(path), remedy="free some space, or check permissions"
        ) from error
