"""What every stage has in common: a plan, work units on Beam, a balance, and a mark of completion.

A stage reads what earlier stages wrote, and writes Parquet, a ledger part and, last of all, `_done.json`. Its work is
cut into units by the input alone; the output of a unit is a file named after it. A unit whose file exists is not run
again, which is the whole of resuming inside a stage, and needs nothing from the runner.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from manifests import Recipe, canonical_json
from manifests.paths import DEFAULT_TAXONOMY, as_given
from manifests.schema import keys_of
from manifests.sections.choice import CHOICE_KEYS
from pipeline.model.duration import duration
from pipeline.storage.database import connect, parquet
from pipeline.storage.files.atomic import read_json, sweep, write_json
from pipeline.storage.places import Place, driver_folder, remove_tree
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.unit_files import present

if TYPE_CHECKING:
    from pipeline.engine.engine import Engine
    from pipeline.storage.places.publisher import Publisher


_LOOK_SHARE = 50
"""How much longer the time between two looks at the unit files is than a look takes."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a stage gets: the recipe and the folder."""

    recipe: Recipe
    folder: RunFolder
    progress: Callable[[str], None]
    reuse: tuple[Path, ...] = ()
    """Folders of other runs whose fetched media may be used again."""
    publisher: Publisher | None = None
    """Publishes what units read of this machine; None where all workers are on it, or see its disk."""

    @property
    def given_index(self) -> Path | None:
        """The taxonomy that the recipe names as an index that is built already; None for published files."""
        given = self.recipe.taxonomy.sources
        if len(given) == 1 and given[0] != DEFAULT_TAXONOMY and (Path(given[0]) / "MANIFEST.json").exists():
            return Path(given[0])
        return None

    @property
    def taxonomy(self) -> Place:
        """Folder of the index that names are matched against: the recipe's own, else the one that resolve builds."""
        return self.given_index or self.folder.root / "taxonomy"

    def driver_folder(self, stage: str) -> Path:
        """Return the folder for what the driver alone reads of a stage that is planned, on this machine in any case."""
        home = self.folder.stage(stage)
        return home if isinstance(home, Path) else driver_folder(home, read_json(self.folder.plan(stage))["digest"])

    def digests(self, files: Mapping[str, Sequence[Path]]) -> dict[str, str]:
        """Return the SHA-256 of every file, as 'group/number/name'; remembered by size and time of change, as make
        does.

        The number is the file's place in the group: two files of one name, in two folders, are two inputs.
        """
        cache_path = self.folder.root / ".digests.json"
        cache: dict[str, list[Any]] = read_json(cache_path) if cache_path.exists() else {}
        found: dict[str, str] = {}
        for group, paths in files.items():
            for number, path in enumerate(paths):
                stat = path.stat()
                known = cache.get(str(path))
                if path.is_dir() or known is None or known[:2] != [stat.st_size, stat.st_mtime_ns]:
                    known = [stat.st_size, stat.st_mtime_ns, file_digest(path)]
                    cache[str(path)] = known
                found[f"{group}/{number}/{path.name}"] = known[2]
        if found:
            write_json(cache_path, cache)
        return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Balance:
    """Rows of one source through one stage: `rows_in = rows_out + ended` or the run fails."""

    source: str
    rows_in: int
    rows_out: int
    ended: int


def balance_of(context: Context, before: Place, after: Place, ledger: Place) -> list[Balance]:
    """Count rows per source in three folders of Parquet: what came in, what goes on, what ended."""
    with connect(context.recipe.limits.memory_mb, context.folder.root) as con:
        counted: dict[str, list[int]] = {}
        for place, folder in enumerate((before, after, ledger)):
            for source, rows in con.execute(f"SELECT source, count(*) FROM {parquet(folder)} GROUP BY 1").fetchall():
                counted.setdefault(source, [0, 0, 0])[place] = rows
    return [Balance(source, *numbers) for source, numbers in sorted(counted.items())]


class Stage(ABC):
    """One stage of the pipeline."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Raised when the same input would give other output: it is part of the digest."""
    sections: ClassVar[tuple[str, ...]] = ()
    """Parts of the recipe that the stage depends on: 'fetch' a section, 'fetch.lanes' one key."""
    upstream: ClassVar[tuple[str, ...]] = ()
    """Stages whose output it reads."""
    kept: Mapping[str, Any] = MappingProxyType({})
    """What `keep` gave, of this run or of an earlier one."""
    taken: Mapping[str, str] | None = None
    """Digests of the inputs, as they were when they were kept, where they are not on this machine."""

    def more_parts(self, recipe: Recipe) -> dict[str, Any]:
        """Return what else of the recipe decides the stage's output, beside its sections; most have nothing."""
        return {}

    def paths(self, recipe: Recipe) -> list[str]:
        """Return the paths of the recipe whose files the stage reads itself or has its units read; most have none."""
        return []

    def states(self, context: Context) -> dict[str, str]:
        """Return what tells whether a file has changed, of each of the `paths` that is here, as the recipe gives it."""
        here = [path for path in self.paths(context.recipe) if Path(path).exists()]
        digests = context.digests({"path": [Path(path) for path in here]})
        return {as_given(path): digests[f"path/{number}/{Path(path).name}"] for number, path in enumerate(here)}

    def keep(self, context: Context, publisher: Publisher) -> dict[str, Any]:
        """Publish what units read of this machine; return, as JSON, what the stage needs on one that lacks its inputs.

        Called behind `inputs`, before the first stage that is not done begins.
        """
        return {}

    def take(self, context: Context) -> Context:
        """Make ready for a machine that lacks the inputs; return the context with what was kept in their place."""
        return context

    def inputs_now(self, context: Context) -> dict[str, str]:
        """Return `inputs`, or what they were when they were kept."""
        return self.inputs(context) if self.taken is None else dict(self.taken)

    def inputs(self, context: Context) -> dict[str, str]:
        """Return the digests of the stage's own input files, beside what earlier stages wrote; most have none."""
        return {}

    @abstractmethod
    def run(self, context: Context, engine: Engine) -> dict[str, Any]:
        """Do what is missing; give the facts that go into `_done.json`."""

    @abstractmethod
    def balance(self, context: Context, facts: Mapping[str, Any]) -> list[Balance]:
        """Count rows in, out and ended per source, from the files themselves and the facts that `run` gave."""


def recipe_parts(recipe: Recipe, sections: Sequence[str]) -> dict[str, Any]:
    """Return the named parts of a recipe in canonical form; 'fetch.lanes' names one key, 'fetch' a whole section.

    What sources and [select] choose, and how much of a source is kept, is none of them: only screen and select ask it,
    and say so by `Stage.more_parts`.
    """
    parts: dict[str, Any] = {}
    whole = json.loads(canonical_json(recipe))
    for table in (whole["select"], *whole["sources"]):
        for key in CHOICE_KEYS:
            table.pop(key, None)
    for source in whole["sources"]:
        source.pop("cap_per_taxon", None)
    for section in sections:
        table, *keys = section.split(".")
        if table not in whole and keys_of(Recipe)[table].optional:  # left unsaid
            continue
        value = whole[table]
        for key in keys:
            value = value[key]
        parts[section] = value
    return parts


def stage_digest(stage: Stage, context: Context, inputs: Mapping[str, str] | None = None) -> str:
    """Return the digest of everything that decides the stage's output; `inputs`: digests, where they are known."""
    parts = {
        "stage": stage.name,
        "version": stage.version,
        "recipe": {**recipe_parts(context.recipe, stage.sections), **stage.more_parts(context.recipe)},
        "inputs": stage.inputs_now(context) if inputs is None else inputs,
        "upstream": {name: context.folder.digest(name) for name in stage.upstream},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def prepare(stage: Stage, context: Context, digest: str, keep: bool = False) -> None:
    """Make the stage's folder ready: sweep leftovers, and clear it when it was made from something else.

    With `keep` the stage names its unit files by content, so that those of an earlier plan stay usable.
    """
    folder = context.folder.stage(stage.name)
    plan = context.folder.plan(stage.name)
    if folder.exists():
        sweep(folder)
        stale = plan.exists() and read_json(plan)["digest"] != digest
        if stale:
            context.progress(f"{stage.name}: its input or rules changed, so it is done again")
            context.folder.done(stage.name).unlink(missing_ok=True)
            if not keep:
                # First of all, so that whoever asks in between takes nothing of it for units of what is to come.
                plan.unlink()
                remove_tree(folder)
        elif not plan.exists():
            remove_tree(folder)
    write_json(plan, {"digest": digest, "upstream": _upstream(stage, context), "outputs": []})


def note_upstream(stage: Stage, context: Context) -> None:
    """Note in the plan of a stage that is done what it was made from, where an earlier version did not."""
    plan = context.folder.plan(stage.name)
    said = read_json(plan)
    if "upstream" not in said:
        write_json(plan, {**said, "upstream": _upstream(stage, context)})


def _upstream(stage: Stage, context: Context) -> dict[str, str]:
    return {name: context.folder.digest(name) for name in stage.upstream}


def plan_outputs(
    context: Context,
    name: str,
    outputs: Sequence[str],
    rows: int | None = None,
    rounds: Mapping[str, int] | None = None,
) -> None:
    """Record which unit files the stage will write, so that status can count them.

    `rows`: rows that come in, where no earlier stage says it. `rounds`: units by round, of a stage that lists them in
    tables (`pipeline.storage.unit_files`), as they are too many for a mark.
    """
    plan = context.folder.plan(name)
    told = {key: value for key, value in (("rows", rows), ("rounds", rounds)) if value is not None}
    write_json(plan, {**read_json(plan), "outputs": sorted(outputs), **told})


def missing(folder: Place, outputs: Sequence[str]) -> list[str]:
    """Return the outputs that do not exist yet, in order; of many, their folders are listed once."""
    there = present(folder, outputs)
    return [name for name in outputs if name not in there]


def ticker(context: Context, name: str, outputs: Sequence[str], every: float = 5.0) -> Callable[[], int]:
    """Return a function that reports how many unit files exist and when all will, at most once in `every` seconds.

    It returns how many there are; the same number is not reported twice.
    """
    import time

    folder = context.folder.stage(name)
    began, before = time.monotonic(), len(missing(folder, outputs))
    last, cost, known = [began], [0.0], [-1]

    def tick() -> int:
        now = time.monotonic()
        if now - last[0] < max(every, _LOOK_SHARE * cost[0]):
            return known[0]
        left = len(missing(folder, outputs))
        cost[0] = time.monotonic() - now
        if left == len(outputs) - known[0]:
            last[0] = time.monotonic()
            return known[0]
        known[0] = len(outputs) - left
        about = f", about {duration(left * (now - began) / (before - left))} left" if 0 < left < before else ""
        context.progress(f"{name}: {len(outputs) - left:,} of {len(outputs):,} work units{about}")
        last[0] = time.monotonic()
        return known[0]

    return tick


def file_digest(path: Place) -> str:
    """Return the SHA-256 of a file, or of a folder's files with their relative names in order."""
    if not isinstance(path, Path):
        return path.digest()
    digest = hashlib.sha256()
    for part in _files(path):
        if path.is_dir():
            digest.update(part.relative_to(path).as_posix().encode() + b"\0")
        with part.open("rb") as handle:
            while chunk := handle.read(1 << 20):
                digest.update(chunk)
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(p for p in path.rglob("*") if p.is_file())
    else:
        yield path
