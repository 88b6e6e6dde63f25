"""The output folder of a run: who may write it, and which names mean what.

manifest.json            recipe, digests of every input, taxonomy build, code version
STAGE/_plan.json         digest of all that the stage depends on, those of the stages it reads, outputs (`unit_files`)
STAGE/_done.json         written last: the same digest, and the row counts
STAGE/ledger/*.parquet   one row per input row that ended in this stage
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.model.errors import RunError
from pipeline.storage.files.atomic import read_json, storage_error
from pipeline.storage.going_on import go_on
from pipeline.storage.places import Lease, Place, RemotePath, freeze, near_folder, remembering
from pipeline.storage.places.publisher import FOLDER as INPUTS

if TYPE_CHECKING:
    from manifests import Recipe
    from pipeline.storage.places.near_folder import NearFolder

_LOOKS, _LOOK_SECONDS = 5, 0.05  # somebody who asks whether the lock is held holds it for a moment
PLAN = "plan.json"
"""What a plan leaves in the folder of its run."""
STAGES = ("ingest", "resolve", "holdout", "screen", "fetch", "likeness", "select", "shards", "catalog")


def marks(path: Place) -> Any:
    """Read a file of marks; an empty one where there is none, as a run that goes on may have taken it away.

    Raises RunError for one that is damaged.
    """
    try:
        return read_json(path)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RunError(
            f"the mark of a stage is damaged: {error}",
            where=str(path),
            expected="the JSON that the stage wrote",
            remedy="remove the folder of the stage, then run the same command again: the stage is made anew",
        ) from error


def made_over(plan: Mapping[str, Any], digests: Mapping[str, str]) -> bool:
    """Return whether a stage was planned over the stages of these digests; False where its plan does not say.

    >>> made_over({"upstream": {"ingest": "a"}}, {"ingest": "a"}), made_over({}, {})
    (True, False)
    """
    made_from = plan.get("upstream")
    return made_from is not None and all(digests.get(each) == digest for each, digest in made_from.items())


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run."""

    root: Place

    def stage(self, name: str) -> Place:
        """Return the folder of a stage."""
        return self.root / name

    def done(self, name: str) -> Place:
        """Return the path of a stage's mark of completion."""
        return self.root / name / "_done.json"

    def plan(self, name: str) -> Place:
        """Return the path of a stage's plan."""
        return self.root / name / "_plan.json"

    @property
    def manifest(self) -> Place:
        """Path of the run's manifest."""
        return self.root / "manifest.json"

    @property
    def catalog(self) -> Place:
        """Path of the DuckDB catalog."""
        return self.root / "catalog.duckdb"

    def recipe(self) -> Recipe:
        """Return the recipe that the run was made by, as its manifest holds it; raises RecipeError."""
        from manifests import recipe_from_json

        # The paths of a resolved recipe are absolute.
        return recipe_from_json(read_json(self.manifest)["resolved"], self.root if isinstance(self.root, Path) else "")

    def finished(self) -> list[str]:
        """Return the stages that are done, in order, and fit together."""
        return list(self.current())

    def current(self) -> dict[str, str]:
        """Return the stages that are done and fit together, in order, with the digest that each was made from.

        A stage that is done over again takes those that read it with it, until they are done over again as well. What
        a run of an earlier version left does not say what it was made from: the manifest lists what fitted last.
        """
        listed = marks(self.manifest).get("stages", {})
        digests: dict[str, str] = {}
        for name in STAGES:
            done, plan = marks(self.done(name)), marks(self.plan(name))
            if "upstream" in plan:
                fits = plan["digest"] == done.get("digest") and made_over(plan, digests)
            else:
                fits = listed.get(name, {}).get("digest") == done.get("digest")
            if done and fits:
                digests[name] = done["digest"]
        return digests

    def require_run(self) -> None:
        """Raise RunError unless this is the folder of a run."""
        if not self.manifest.exists():
            raise _no_run(self.root)

    def require(self, stage: str) -> None:
        """Raise RunError unless the stage is done, and what it was made from as well."""
        self.require_run()
        finished = self.finished()
        if stage not in finished:
            raise RunError(
                f"stage {stage!r} is not done (done: {', '.join(finished) or 'none'})",
                where=str(self.root),
                remedy=f"go on with: {go_on(self.root)}",
            )

    def digest(self, stage: str) -> str:
        """Return the digest that the finished stage was made from."""
        return str(read_json(self.done(stage))["digest"])

    @contextmanager
    def lock(self) -> Iterator[Callable[[], None]]:
        """Hold the folder for one run; raise RunError when another run holds it.

        The lock is the kernel's (flock), so a killed run leaves none behind; at an address it is a lease, and the block
        gets the function that raises RunError when it was lost.
        """
        if not isinstance(self.root, Path):
            lease = Lease(self.root)
            with lease.held(), remembering(self.root):
                yield lease.check
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except FileExistsError as error:
            raise RunError("the output folder is a file", where=str(self.root), remedy="name another folder") from error
        except OSError as error:
            raise storage_error(error, self.root) from error
        try:
            if not any(_locked(handle) for _ in range(_LOOKS)):
                raise RunError(
                    "another run is writing this folder",
                    where=str(self.root),
                    remedy="wait for it, stop it, or choose another output folder",
                )
            yield _kept
        finally:
            os.close(handle)

    def frozen(self, stage: str, whether: bool = True) -> None:
        """Note that a stage is done, or begun again: the holder of a folder at an address need not ask of it twice."""
        if not isinstance(self.root, Path):
            freeze(self.root / stage, whether)

    def held(self) -> bool:
        """Return whether a run holds the folder now."""
        if not isinstance(self.root, Path):
            return Lease(self.root).holder() is not None
        try:
            handle = os.open(self.root / ".lock", os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False


@dataclass(frozen=True, slots=True)
class DiskRunFolder(RunFolder):
    """Paths of a run on a disk of this machine, or of one at an address whose tables are on it."""

    root: Path
    near: NearFolder | None = None
    """Of a run at an address: what brings its archives."""
    remote: RemotePath | None = None
    """The address."""

    @property
    def images(self) -> Place:
        """The run's folder as images are read from it, by position: at an address by ranges."""
        return self.remote or self.root

    @contextmanager
    def present(self, path: Path) -> Iterator[Path]:
        """Yield a file of the run, with its bytes for the length of the block: archives at an address lie there."""
        if self.near is None:
            yield path
            return
        with self.near.present(path) as there:
            yield there

    def stage(self, name: str) -> Path:
        """Return the folder of a stage."""
        return self.root / name

    @property
    def catalog(self) -> Path:
        """Path of the DuckDB catalog."""
        return self.root / "catalog.duckdb"


def on_disk(root: Place) -> DiskRunFolder:
    """Return a run's folder on this machine: itself, or, of one at an address, its tables as they are now.

    What was published of its inputs is left out. Its archives are brought one by one (`present`), or read by position
    where they lie (`images`). Raises RunError when it is not the folder of a run.
    """
    RunFolder(root).require_run()
    if isinstance(root, Path):
        return DiskRunFolder(root.absolute())
    near = near_folder(root, without=INPUTS)
    return DiskRunFolder(near.path, near, root)


def _no_run(root: Place) -> RunError:
    """Return the error that says what a folder is instead of a run."""
    remedy = "give the folder that was passed to `biomill run RECIPE -o FOLDER`"
    if not root.exists():
        return RunError("there is no such folder", where=str(root), remedy=remedy)
    if not root.is_dir():
        return RunError("this is a file, not the output folder of a run", where=str(root), remedy=remedy)
    inside = sorted(path.parent.name for path in root.glob("*/manifest.json"))
    if inside:
        what, remedy = "this is not the output folder of a run, but holds one", f"did you mean {root / inside[0]}?"
    elif (root / ".fetch").is_dir():
        what, remedy = "this is a folder of `biomill fetch`, not of a run", "its outcomes are in outcomes.parquet"
    elif all(path.name.startswith(".") for path in root.iterdir()):
        what = "this is not the output folder of a run: it is empty"
    else:
        what = "this is not the output folder of a run"
    return RunError(what, where=str(root), expected="a folder with manifest.json", remedy=remedy)


def _kept() -> None:
    """Do nothing: the kernel takes no lock away."""


def _locked(handle: int) -> bool:
    """Take the lock, or wait a moment."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(_LOOK_SECONDS)
        return False
    return True
