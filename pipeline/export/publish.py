"""Copying a run's shards to an object store, or any place that fsspec knows, so that a half copy is never taken whole.

`checksums.sha256` is written last: where it is, everything that it lists is. While a copy goes on `publishing.sha256`
stands in its place, so that a copy that was cut off goes on where it stopped, and files of an earlier copy that no
longer belong to the dataset are removed by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.model.errors import RunError, StorageError, VerifyError
from pipeline.shards import CHECKSUMS, file_digest, parse_checksums, read_checksums
from pipeline.storage.places import Place
from pipeline.storage.run_folder import DiskRunFolder, on_disk
from pipeline.storage.stores import Store, StoreError, open_store
from pipeline.withdrawal import look

UNDER_WAY = "publishing.sha256"
CARDS = ("README.md", "croissant.json", "ATTRIBUTION.parquet")
"""What lies beside the folder of the shards and goes with it, where the run has it."""


def publish(root: Place, address: str, check: bool = False, withdraw: Sequence[Path] = ()) -> Iterator[str]:
    """Copy the shards of a run, with what lies beside them, to `address`/shards; give a line for what was done.

    A file goes only if it has the digest that the run wrote down. With `check` every byte is read back and hashed.
    `withdraw`: lists of what is withdrawn, beside those of the recipe as they stand now.
    Raises RunError when the shards are not done or hold a withdrawn sample, or the place holds shards of something
    else, VerifyError when a local or a copied file has changed, StorageError when the place cannot be read or written.
    """
    folder = on_disk(root)
    folder.require("shards")
    looked = look(folder.root, withdraw)
    looked.refuse(root)
    local = folder.stage("shards")
    digests, text = read_checksums(local / CHECKSUMS), (local / CHECKSUMS).read_bytes()
    place, shards = open_store(address), open_store(f"{address.rstrip('/')}/shards")
    if looked.lists:
        yield f"withdrawals: {looked.clear()}"
    try:
        copied = _copy(shards, folder, digests, text)
        for name in CARDS:
            if (folder.root / name).exists():
                place.put(name, folder.root / name)
        yield f"{copied:,} of {len(digests):,} files copied to {address.rstrip('/')}/shards"
        if check:
            for name, digest in sorted(digests.items()):
                _same(f"{address.rstrip('/')}/shards/{name}", shards.digest(name), digest)
            yield f"{len(digests):,} files read back: all as they were written"
    except StoreError as error:
        raise StorageError(
            f"the shards cannot be copied: {error.reason}",
            address,
            "a place that may be written",
            "mend the cause, then run the same command again: it goes on from here",
        ) from error


def _copy(shards: Store, folder: DiskRunFolder, digests: dict[str, str], text: bytes) -> int:
    """Copy what is not there yet; return the number of files."""
    sizes = {name: entry.size for name, entry in shards.listing().items()}
    whole = shards.read(CHECKSUMS) if CHECKSUMS in sizes else b""
    begun = shards.read(UNDER_WAY) if UNDER_WAY in sizes else b""
    if whole == text and UNDER_WAY not in sizes:
        return 0
    where = shards.where
    earlier = {name for old in (whole, begun) for name in parse_checksums(old.decode(errors="replace"), where)}
    strangers = sorted(name for name in sizes if name.endswith(".tar") and name not in earlier and name not in digests)
    if strangers:
        raise RunError(
            "the place holds shards of something else, which a loader would read with these",
            f"{where}/{strangers[0]}",
            "an empty place, or one of an earlier copy",
            "name another place, or remove those shards",
        )
    if begun != text:
        shards.write(UNDER_WAY, text)
    if whole:
        shards.delete(CHECKSUMS)
    for name in sorted(earlier - set(digests)):
        if name in sizes:
            shards.delete(name)
    copied, local = 0, folder.stage("shards")
    for name, digest in sorted(digests.items()):
        # Files of an equal size are those of this very copy only if it was this list that was being copied.
        path = local / name
        if begun == text and name in sizes and path.is_file() and sizes[name] == path.stat().st_size:
            continue
        with folder.present(path) as there:
            _same(str(there), file_digest(there), digest)
            shards.put(name, there)
        copied += 1
    shards.write(CHECKSUMS, text)
    shards.delete(UNDER_WAY)
    return copied


def _same(where: str, found: str, expected: str) -> None:
    if found != expected:
        raise VerifyError(
            "the file has changed since it was written",
            where,
            f"sha256 {expected}, found {found}",
            "run the shards stage again, or copy to a new place",
        )
