"""The splits of a release where workers share no disk with who planned them: published, and taken split by split.

A split of a text table is an object of its own, so that a worker gets the rows that it reads and no more; it puts them
into a sparse file at the place that they have in the table, as readers seek. A Parquet table is one object, of which a
machine has one copy. Side tables, which every bucket looks things up in, are a published folder.
"""

from __future__ import annotations

import dataclasses
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.sources.release.base import Release, Split
from pipeline.stages.planned import PlannedRelease, SplitPiece
from pipeline.storage.places import Place, matching
from pipeline.storage.places.published import Piece
from pipeline.storage.places.published_folder import taken_folder
from pipeline.storage.places.publisher import Publisher, Stretch
from pipeline.storage.places.scratch import scratch_folder

_PARQUET = b"PAR1"


def published_plan(planned: PlannedRelease, publisher: Publisher) -> PlannedRelease:
    """Publish what the units of a planned release read, and return the release with the pieces.

    Raises StorageError when it cannot be read here, or written there.
    """
    splits = planned.plan.splits
    paths = dict.fromkeys(split.path for split in splits)
    whole = {path: publisher.file(Path(path)) for path in paths if _is_parquet(Path(path))}
    cut = [split for split in splits if split.path not in whole]
    stretches = iter(publisher.stretches([Stretch(Path(each.path), each.start, each.length) for each in cut]))
    pieces = tuple(
        SplitPiece(whole[split.path], whole=True) if split.path in whole else SplitPiece(next(stretches), whole=False)
        for split in splits
    )
    spool = Path(planned.release.facts["spool"])
    # What lies there beside the tables that are cut.
    beside = [path.name for path in sorted(spool.iterdir()) if path.is_file() and str(path) not in paths]
    tables = publisher.folder(spool, [name for name in beside if not name.endswith(".table")])
    return dataclasses.replace(planned, pieces=pieces, side_tables=tables.text())


def kept_release(release: Release) -> dict[str, Any]:
    """Return what a release is beside its spec, as JSON.

    >>> from manifests.recipe import SourceSpec
    >>> spec = SourceSpec("a", "eol", "a.tgz")
    >>> release = Release(spec, "2026", ("/data/a.tgz",), facts={"parts_missing": ""})
    >>> Release(spec, **kept_release(release)) == release
    True
    """
    return {name: value for name, value in dataclasses.asdict(release).items() if name != "spec"}


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        if file.read(len(_PARQUET)) != _PARQUET:
            return False
        file.seek(-len(_PARQUET), 2)
        return file.read() == _PARQUET


def plan_before(folder: Place, source: str, publisher: Publisher | None) -> PlannedRelease | None:
    """Return the planned release that an earlier driver published for the same input; None where there is none whole.

    `folder`: of the stage, which is made anew for other input. `publisher`: tells what is there; None: it is taken as
    whole, as nobody here could publish it again.
    """
    for path in matching(folder / "spool" / source, "plan-*.pickle"):
        try:
            planned = pickle.loads(path.read_bytes())  # the run's own
            pieces = [each.piece for each in planned.pieces]
        except (AttributeError, ImportError, EOFError, pickle.UnpicklingError):  # of another version
            continue
        if not planned.side_tables:
            continue  # of a driver whose workers shared its disk
        if publisher is None or publisher.whole([*pieces, Piece.of(planned.side_tables)]):
            found: PlannedRelease = planned
            return found
    return None


@contextmanager
def splits_here(planned: PlannedRelease, number: int) -> Iterator[list[Split]]:
    """Yield the splits of a range with paths of this machine.

    Raises StorageError when what was published of them is gone, or damaged.
    """
    first, end = planned.ranges[number]
    splits = planned.plan.splits[first:end]
    if not planned.pieces:
        yield list(splits)
        return
    with scratch_folder() as folder:
        here = []
        for place, (split, (piece, whole)) in enumerate(zip(splits, planned.pieces[first:end], strict=True)):
            path = piece.copy() if whole else _sparse(folder / f"split-{place}", split, piece)
            here.append(dataclasses.replace(split, path=str(path)))
        yield here


def _sparse(path: Path, split: Split, piece: Piece) -> Path:
    with path.open("wb") as file:
        file.seek(split.start)
        file.write(piece.read())
    return path


def release_here(planned: PlannedRelease) -> Release:
    """Return the release with the folder of its side tables on this machine. Raises as `splits_here`."""
    release = planned.release
    if not planned.side_tables:
        return release
    return dataclasses.replace(release, facts={**release.facts, "spool": str(taken_folder(planned.side_tables))})
