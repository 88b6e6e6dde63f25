"""The files of the shards' folder: all that is promised, nothing else, each with the checksum that is listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.model.errors import VerifyError
from pipeline.run.noted import NOTED
from pipeline.shards import (
    CHECKSUMS,
    LEAN,
    README,
    SIZES,
    checksum_text,
    file_digest,
    index_path,
    read_checksums,
    read_sizes,
    samples_path,
    shards_readme,
    sizes_json,
)
from pipeline.shards.index import read_text
from pipeline.verify.check import Findings, Run
from pipeline.verify.contents import Contents
from pipeline.verify.manifest import MANIFEST

_INNER = ("_done.json", "_plan.json", "_cost.json", NOTED, "plan.parquet", CHECKSUMS)
"""Of the stage itself: no reader of the shards looks at them."""


def promised(run: Run, shards: list[str]) -> set[str]:
    """Return the files that readers of these shards are promised, relative to the folder: those with a checksum."""
    beside = [samples_path(shard).name for shard in shards] if run.recipe.shards.layout == LEAN else []
    return {*shards, *(index_path(shard).name for shard in shards), *beside, SIZES, MANIFEST, README}


def decided_shards(run: Run) -> list[str]:
    """Return the shards that the manifest names."""
    return [
        str(name)
        for (name,) in run.rows("SELECT DISTINCT shard FROM read_parquet('shards/manifest.parquet') ORDER BY 1")
    ]


def files(run: Run) -> str:
    """The folder of the shards holds what the manifest's shards promise, what the stage needs itself, and no more."""
    root, shards = run.folder.stage("shards"), decided_shards(run)
    expected = promised(run, shards)
    inner = {*_INNER, *(f"parts/{shard}.parquet" for shard in shards)}
    there = {path.relative_to(root).as_posix(): path for path in root.rglob("*")}
    found = Findings("the folder of the shards is not what was written")
    for name, path in sorted(there.items()):
        if path.is_dir() and not path.is_symlink():
            if name != "parts":
                found.add(f"{name}/ is no folder of the shards", "remove it")
        elif name not in expected | inner:
            found.add(f"{name} is no file of the shards", "nothing lists it; move it elsewhere, or remove it")
        elif path.is_symlink():
            found.add(f"{name} is a link", "a file was written there")
    for name in sorted((expected | inner) - there.keys()):
        found.add(f"{name} is missing")
    rules = run.recipe.shards
    splits = [str(split) for (split,) in run.rows("SELECT DISTINCT split FROM samples ORDER BY 1")]
    if (root / README).exists() and read_text(root / README) != shards_readme(
        run.recipe.name, rules.prefix, splits, rules.layout
    ):
        found.add(f"{README} is not what is written of these shards")
    found.check()
    return f"{len(expected):,} files that readers are promised, and nothing that they are not"


def checksums(run: Run, contents: Contents) -> str:
    """Every promised file is listed, and every listed file hashes to what the list says."""
    root, found = run.folder.stage("shards"), Findings("checksums.sha256 does not hold")
    taken = {name: digest for name, (digest, _) in contents.digests.items()}
    listed = list(_wrong(root, promised(run, decided_shards(run)), taken, found))
    found.check()
    return f"{len(listed):,} files"


def _wrong(root: Path, expected: set[str], taken: dict[str, str], found: Findings) -> Iterator[str]:
    stated = read_checksums(root / CHECKSUMS)
    if checksum_text(stated) != read_text(root / CHECKSUMS):
        found.add(f"{CHECKSUMS} is not in the order and form in which it is written")
    for name in sorted(expected - stated.keys()):
        found.add(f"{name} has no checksum")
    for name, digest in sorted(stated.items()):
        yield name
        if name not in expected:
            found.add(f"{name} has a checksum, and is no file of the shards")
        try:
            actual = taken[name] if name in taken else file_digest(root / name)
        except VerifyError as error:
            found.add(f"{name} cannot be read", error.what)
            continue
        if actual != digest:
            found.add(f"{name} has changed since it was written", f"sha256 {digest} is listed, {actual} found")


def sizes(run: Run, contents: Contents) -> Findings:
    """Return where sizes.json does not state the samples of every tar, or states something else."""
    path, found = run.folder.stage("shards") / SIZES, Findings("sizes.json is not what the shards hold")
    try:
        stated = read_sizes(path)
    except VerifyError as error:
        found.add(SIZES, error.what)
        return found
    for name in sorted(stated.keys() | contents.counts.keys()):
        if stated.get(name) != contents.counts.get(name):
            found.add(f"{SIZES}, {name}", f"{stated.get(name)} samples stated, {contents.counts.get(name)} found")
    if not found.cases and sizes_json(stated) != read_text(path):
        found.add(f"{SIZES} is not in the form in which it is written")
    return found
