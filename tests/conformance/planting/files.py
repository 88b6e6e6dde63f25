"""Faults of the files beside the shards, by kind of file: missing, empty, cut short, a byte flipped, and strays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from tests.conformance.planting.forgery import Fault, put, shards_of

_NOT_DATA = ("_cost.json",)
"""What a stage cost, in seconds: nothing can be said of its values."""


def file_faults(run: Path) -> Iterator[Fault]:
    """Yield the faults of one file of every kind that lies in shards/."""
    kinds: dict[str, str] = {}
    for path in sorted((run / "shards").rglob("*")):
        name = path.relative_to(run / "shards").as_posix()
        if path.is_file() and name not in _NOT_DATA:
            kinds.setdefault(re.sub(r"[\w-]+-\d{6}", "SHARD", name), name)
    for kind, name in kinds.items():
        # What lists or marks is made anew by a forgery that forges all marks.
        marks = name.startswith(("_", "plan.", "parts/"))
        forgeries = ("nothing",) if name == "checksums.sha256" else ("nothing", "checksums")
        for how, change in (
            ("missing", _missing),
            ("empty", _empty),
            ("cut short", _cut),
            ("a byte flipped", _flipped),
        ):
            seen = ("nothing", "checksums", "all marks") if how == "missing" and not marks else forgeries
            seen = ("nothing",) if name == "checksums.sha256" else seen
            seen = ("nothing", "checksums") if marks else seen
            changed = partial(change, name=f"shards/{name}")
            alone = name.endswith((".tar", "manifest.parquet", ".sha256"))
            title = f"file of shards/ {how}"
            yield Fault(title, kind, changed, (name,), alone=alone, forgeries=seen, cards=False)
    for name, plant, named in (
        ("a tar, copied", partial(_copied, name="shards/copy-train-000000.tar"), "copy-train-000000.tar"),
        ("a tar of the next number", _next_tar, "tar"),
        ("a tar with its index", _tar_and_index, "stray-train-000000.idx"),
        ("a Parquet file", partial(_stray, name="shards/train.parquet"), "train.parquet"),
        ("a table among the parts", partial(_stray, name="shards/parts/more.parquet"), "parts/more.parquet"),
        ("a picture", partial(_stray, name="shards/x.jpg"), "x.jpg"),
        ("a hidden file", partial(_stray, name="shards/._demo.tar"), "._demo.tar"),
        ("a folder with a tar", partial(_stray, name="shards/more/x.tar"), "more/x.tar"),
        ("a link to a tar", _linked, "link-000000.tar"),
        (
            "a table in ingest/records",
            partial(_stray, name="ingest/records/more.parquet"),
            "ingest/records/more.parquet",
        ),
    ):
        last = () if "parts" in name or "ingest" in name else ("all marks",)
        after = ("nothing", "checksums", *last)
        yield Fault("stray file", name, plant, (named,), alone="ingest" in name, forgeries=after, cards=False)


def text_faults(run: Path) -> Iterator[Fault]:
    """Yield faults inside the texts beside the shards, each line still of its form."""
    for number, path in enumerate(sorted((run / "shards").glob("*.idx"))):
        name = path.name
        yield Fault("idx, a number", name, partial(_digit, name=f"shards/{name}", number=number), (name,))
    for shard in json.loads((run / "shards" / "sizes.json").read_text()):
        yield Fault("sizes.json, a count", shard, partial(_size, shard=shard), (f"sizes.json, {shard}",))
    for name, change, named in (
        ("an entry less", lambda sizes: sizes.pop(next(iter(sizes))), "sizes.json"),
        ("an entry more", lambda sizes: sizes.update({"more-000000.tar": 3}), "more-000000.tar"),
    ):
        yield Fault("sizes.json, entries", name, partial(_sizes, change=change), (named,), alone=True)
    for number, line in enumerate((run / "shards" / "checksums.sha256").read_text().splitlines()):
        listed = line.split("  ")[1]
        plant = partial(_digit, name="shards/checksums.sha256", number=number, line=number)
        yield Fault("checksums.sha256, a digest", listed, plant, (listed,), forgeries=("nothing",))


def _missing(run: Path, random: Random, name: str) -> None:
    (run / name).unlink()


def _empty(run: Path, random: Random, name: str) -> None:
    put(run / name, b"")


def _cut(run: Path, random: Random, name: str) -> None:
    data = (run / name).read_bytes()
    put(run / name, data[: random.randrange(len(data) // 4, len(data) - 1)])


def _flipped(run: Path, random: Random, name: str) -> None:
    data = bytearray((run / name).read_bytes())
    at = random.randrange(len(data))
    data[at] ^= 1 << random.randrange(8)
    put(run / name, bytes(data))


def _stray(run: Path, random: Random, name: str) -> None:
    (run / name).parent.mkdir(exist_ok=True)
    ending = Path(name).suffix
    like = {".tar": shards_of(run)[0], ".parquet": run / "shards" / "manifest.parquet"}.get(ending)
    if name.startswith("ingest"):
        like = sorted((run / "ingest" / "records").glob("*.parquet"))[-1]
    put(run / name, like.read_bytes() if like else random.randbytes(99))


def _copied(run: Path, random: Random, name: str) -> None:
    put(run / name, random.choice(shards_of(run)).read_bytes())


def _next_tar(run: Path, random: Random) -> None:
    last = shards_of(run)[-1]
    put(last.with_name(re.sub(r"\d{6}", "000777", last.name)), last.read_bytes())


def _tar_and_index(run: Path, random: Random) -> None:
    shard = random.choice([path for path in shards_of(run) if path.with_suffix(".idx").exists()])
    for ending in (".tar", ".idx"):
        put(shard.with_name(f"stray-train-000000{ending}"), shard.with_suffix(ending).read_bytes())


def _linked(run: Path, random: Random) -> None:
    (run / "shards" / "link-000000.tar").symlink_to(random.choice(shards_of(run)).name)


def _digit(run: Path, random: Random, name: str, number: int, line: int | None = None) -> None:
    """Change one digit in a text, within its first word of the line."""
    lines = (run / name).read_text().splitlines()
    at = random.randrange(1, len(lines)) if line is None else line
    places = [i for i, letter in enumerate(lines[at][:64]) if letter.isdigit()]
    place = random.choice(places)
    changed = str((int(lines[at][place]) + random.randrange(1, 9)) % 10)
    lines[at] = lines[at][:place] + changed + lines[at][place + 1 :]
    put(run / name, ("\n".join(lines) + "\n").encode())


def _size(run: Path, random: Random, shard: str) -> None:
    _sizes(run, random, lambda sizes: sizes.update({shard: sizes[shard] + random.choice((-1, 1, 7))}))


def _sizes(run: Path, random: Random, change: Callable[[dict[str, Any]], object]) -> None:
    path = run / "shards" / "sizes.json"
    sizes = json.loads(path.read_text())
    change(sizes)
    put(path, (json.dumps(sizes, indent=2, sort_keys=True) + "\n").encode())
