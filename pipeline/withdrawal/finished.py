"""What is withdrawn after a run was made: which samples of its shards the lists mean, as they stand now.

The run's own lists are read again, since a list grows after the run that read it, and any that a command names beside
them. The search is made from the lists, the records and the shards' manifest, not from what screen decided.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manifests import BiomillError
from pipeline.model.errors import RunError
from pipeline.shards import file_digest
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json
from pipeline.storage.places import Place
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.statements import Statements
from pipeline.withdrawal.lists import read_withdrawals
from pipeline.withdrawal.matching import gather

_MEMORY_MB = 1024
_SQL = Statements(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    """The samples of a run that are withdrawn, and what was looked at."""

    samples: tuple[tuple[str, str], ...]
    """(key, evidence as JSON), in the order of keys."""
    keys: int
    idle: int
    """Keys that mean no record of the run."""
    lists: tuple[str, ...]
    """Each list with what is to be known of it, in words."""
    files: tuple[str, ...]
    """Paths of the lists that were read."""
    copies: tuple[str, ...] = ()
    """Keys of samples that are no withdrawn record's, but were found to be alike to the picture of one."""

    def sentence(self) -> str:
        """Return what was looked at, in words."""
        if not self.lists:
            return "no list of withdrawals"
        if not self.files:
            return f"{', '.join(self.lists)}: nothing was read"
        read = f"{self.idle:,} of {self.keys:,} keys match no record"
        if self.copies:
            read += (
                f"; {len(self.copies):,} more sample{'s show' if len(self.copies) > 1 else ' shows'} the picture of a "
                f"withdrawn record under another one, such as {self.copies[0]}: list such keys if they are meant too"
            )
        return f"{', '.join(self.lists)}: {read}"

    def clear(self) -> str:
        """Return that no sample is withdrawn, and by which lists, once `refuse` has let it pass."""
        return f"{self.sentence()}: no sample is withdrawn" if self.files else self.sentence()

    def among(self, keys: Collection[str]) -> Looked:
        """Return the same of some samples only."""
        return replace(self, samples=tuple(sample for sample in self.samples if sample[0] in keys))

    def refuse(self, root: Place, kind: type[BiomillError] = RunError) -> None:
        """Raise an error when a sample is withdrawn: how many, the first, and what makes the set without them."""
        if not self.samples:
            return
        key, evidence = self.samples[0]
        many = len(self.samples)
        lists = shlex.join(word for file in self.files for word in ("--withdraw", file))
        raise kind(
            f"the shards hold {many:,} withdrawn sample{'s' * (many > 1)}, such as {key}: {evidence}",
            where=f"{root}; {self.sentence()}",
            expected="shards without anything that is withdrawn",
            remedy=f"make the set without {'them' if many > 1 else 'it'}: biomill export {shlex.quote(str(root))} "
            f"-o FOLDER {lists}; or name the lists in the recipe's `withdraw` and run it again",
        )


def noted_lists(paths: Sequence[str]) -> list[dict[str, str]]:
    """Return what a run writes down of its lists, so that they are found again: where each lies and its SHA-256."""
    return [{"path": str(Path(path).absolute()), "sha256": file_digest(path)} for path in paths]


def look(root: Place, more: Sequence[Path] = ()) -> Looked:
    """Return which samples of a run's shards are withdrawn by its own lists as they stand now, or by further ones.

    Raises RunError when the shards are not done, RecipeError when a list cannot be read.
    """
    folder = RunFolder(root.absolute())
    folder.require("shards")
    files: list[str] = []
    lists: list[str] = []
    for path, said in _own(folder):
        lists.append(f"{path.name} of the recipe ({said})")
        if path.exists():
            files.append(str(path))
    own = {str(Path(file).resolve()) for file in files}
    for path in more:
        if str(path.resolve()) not in own:
            files.append(str(path))
            lists.append(str(path))
    if not files:
        return Looked((), 0, 0, tuple(lists), ())
    keys = read_withdrawals(files)
    manifest = str(folder.stage("shards") / "manifest.parquet")
    clusters = sql.parquet(folder.stage("likeness") / "clusters")
    with sql.connect(_MEMORY_MB, folder.root) as con:
        gather(con, keys, sql.parquet(folder.stage("ingest") / "records"))
        counted = con.execute("SELECT count(*), count(*) FILTER (records = 0) FROM withdrawal_keys").fetchall()[0]
        found = con.execute(_SQL("samples", manifest=manifest)).fetchall()
        copies = con.execute(_SQL("copies", clusters=clusters, manifest=manifest)).fetchall()
    samples = tuple((str(key), str(proof)) for key, proof in found)
    alike = tuple(str(key) for (key,) in copies)
    return Looked(samples, counted[0], counted[1], tuple(lists), tuple(files), alike)


def _own(folder: RunFolder) -> Iterator[tuple[Path, str]]:
    """Yield the lists that the run read, and whether they are as they were."""
    noted: list[dict[str, Any]] = read_json(folder.done("screen"))["facts"].get("withdraw", [])
    for each in noted:
        path = Path(each["path"])
        if not path.exists():
            yield path, f"not found any more at {path}, so not read"
        elif file_digest(path) == each["sha256"]:
            yield path, "as the run read it"
        else:
            yield path, "changed since the run, read as it stands now"
