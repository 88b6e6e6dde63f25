"""Runs: make one from a recipe, open one that is there, and ask it, check it, export it, read it."""

from __future__ import annotations

import json
import logging
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from manifests import Recipe
    from pipeline.evaluate import Evaluated
    from pipeline.export import Exported
    from pipeline.feed import Feed
    from pipeline.run.status import RunStatus
    from pipeline.storage.places import RemotePath
    from pipeline.verify import Check

logger = logging.getLogger("biomill")

Stage = Literal["ingest", "resolve", "holdout", "screen", "fetch", "likeness", "select", "shards", "catalog"]
Format = Literal["shards", "folders", "coco", "yolo", "hugging-face"]


def run(
    recipe: str | PathLike[str] | Recipe,
    out: str | PathLike[str],
    *,
    overrides: Mapping[str, object] | None = None,
    until: Stage = "catalog",
    workers: int = 1,
    runner: str = "local",
    job_endpoint: str = "",
    beam_options: Sequence[str] = (),
    retry: Sequence[str] = (),
    reuse: Sequence[str | PathLike[str]] = (),
    allow_empty: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Run:
    """Return the run of a recipe in a folder, made anew or gone on with where it stopped.

    `recipe`: a TOML file, or one that is loaded. `out`: a new or empty folder, or that of an earlier call.
    `overrides`: values in the place of the file's, by dotted key: `{"image.side": 224, "licences.allow": ["CC0"]}`.
    `until`: the stage to stop behind. `workers`: worker processes, 0 for one per core; `runner`: "local", "portable"
    (with the `job_endpoint` of a job service, or one that is started), or the name of a Beam runner, to which
    `beam_options` are passed as they are. `retry`: outcomes of fetch whose rows are asked for again; `reuse`: folders
    of other runs whose media are taken instead of fetched. `progress` is called with each line that says how far the
    run is; without it they are logged by the logger "biomill".

    Whatever is raised, finished stages and work units stay, and the same call goes on from them: RecipeError for a
    recipe or overrides that are wrong (RecipeErrors with all that is), SourceError, StorageError, NetworkLostError,
    WorkerDiedError, ConservationError; RunError when folder or order do not allow it, UsageError for arguments that
    cannot be; EmptyResultError when no row was kept, unless `allow_empty`: the run is there and can be opened.
    """
    from pipeline.commands.engine import workers_of
    from pipeline.engine.engine import EngineOptions
    from pipeline.losses.run_losses import rows_left, run_losses
    from pipeline.model.errors import EmptyResultError
    from pipeline.run.driver import run as drive
    from pipeline.storage.places import place

    loaded, typed = loaded_recipe(recipe, out, overrides, workers)
    options = EngineOptions(runner, workers_of(workers), job_endpoint, tuple(beam_options))
    said = logger.info if progress is None else progress
    others = [Path(other) for other in reuse]
    folder = drive(loaded, place(out), until, options, said, retry, others, typed)
    if not allow_empty and not rows_left(folder, until):
        raise EmptyResultError(
            "nothing was kept" if until == "catalog" else f"nothing is left after {until}",
            where=str(folder.root),
            remedy="; ".join(run_losses(folder, loaded, until)),
        )
    return Run(folder.root)


def open_run(path: str | PathLike[str]) -> Run:
    """Return the run in the folder `path`, finished or not; raises RunError when it is not the folder of a run.

    >>> open_run("nowhere")
    Traceback (most recent call last):
        ...
    pipeline.model.errors.RunError: there is no such folder
      where:  ...nowhere
      remedy: give the folder that was passed to `biomill run RECIPE -o FOLDER`
    """
    from pipeline.storage.places import place
    from pipeline.storage.run_folder import RunFolder

    folder = RunFolder(place(path).absolute())
    folder.require_run()
    return Run(folder.root)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One row's whole life, from the source's byte to the shard's offset or the reason why it has none."""

    row_id: str
    outcome: str | None
    """How the row ended, "kept" or one of the outcomes; None while that is not decided."""
    facts: Mapping[str, Any]
    """Everything that the run knows of the row, under the keys of `biomill explain --json` (docs/json.md)."""
    lines: tuple[str, ...]
    """The same for people, as `biomill explain` prints it."""

    def __str__(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class Run:
    """A run's folder. Nothing is held open: every method looks at what is there when it is called.

    Made by `run` and `open_run`. All but `export` only read; `status`, `sql` and `explain` answer while a run goes on.
    """

    folder: Path | RemotePath
    """Absolute path of the folder, or its address."""

    def sql(self, query: str, parameters: Sequence[object] | Mapping[str, object] = ()) -> pa.Table:
        """Return the answer to a question about the run, as an Arrow table.

        `query`: one SELECT, FROM, SHOW, DESCRIBE, SUMMARIZE or EXPLAIN in DuckDB's SQL over the views of
        docs/catalog.md; of a run that is not finished those that its stages have made so far, and what is to be known
        of that is logged. `parameters`: values for the `?`, `$1` or `$name` of the query. `.to_pandas()` of the answer
        gives a DataFrame, `.to_pylist()` dicts, and DuckDB and Polars read it as it is.
        Memory: the answer.

        Raises RunError when the query is not one question, cannot be answered, or asks for what is not there yet.
        """
        from pipeline.query import arrow_answer

        return arrow_answer(self.folder, query, parameters)

    def explain(self, row: str) -> Explanation:
        """Return one row's whole life; `row`: its id or the beginning of it, or the source's record, media or box key.

        Raises RunError when no row, or more than one, is meant.
        """
        from pipeline.catalog.row_life import explain, explain_facts

        facts = explain_facts(self.folder, row)
        outcome = facts["outcome"]
        return Explanation(
            facts["row_id"],
            None if outcome is None else str(outcome["outcome"]),
            facts,
            tuple(explain(self.folder, facts["row_id"])),
        )

    def status(self) -> RunStatus:
        """Return where the run stands: its stages, who runs it or how it ended, how far a fetch is, what it kept.

        Prints as the lines of `biomill status`. Raises RunError when the folder is no longer that of a run.
        """
        from pipeline.run.status import run_status
        from pipeline.storage.run_folder import RunFolder

        return run_status(RunFolder(self.folder))

    def verify(self, *, withdraw: Sequence[str | PathLike[str]] = ()) -> list[Check]:
        """Return every promise of the run with whether it holds, and what was counted or found wrong.

        The run's files are read, its marks of completion not believed: `all(check.ok for check in run.verify())`.
        `withdraw`: lists of what is withdrawn, beside those of the recipe as they stand now.

        Raises RunError when the run is not finished.
        """
        from pipeline.verify import verify

        return list(verify(self.folder, withdraw=[Path(each) for each in withdraw]))

    def export(
        self,
        out: str | PathLike[str],
        layout: Format = "shards",
        *,
        where: str = "",
        sql: str = "",
        classes: str = "species",
        empty_classes: bool = False,
        withdraw: Sequence[str | PathLike[str]] = (),
    ) -> Exported:
        """Write a part of the finished run into the new folder `out`, and return what left, what was refused, and why.

        `layout`: WebDataset shards, class folders, COCO, YOLO or a Hugging Face dataset folder. `where`: a condition in
        SQL on the view samples; `sql`: instead, a SELECT with a column `key`; neither: all. `classes`: what a class is,
        a rank or "accepted" for each accepted taxon whatever its rank. `empty_classes`: of "folders", every split has
        the folders of all classes. `withdraw`: lists of what is withdrawn; its samples are left out. The folder appears
        when it is complete, with the attribution of every image in it.

        Raises RunError when the run is not finished, the folder exists, or nothing is chosen or may leave, VerifyError
        when an image has changed since it was stored, StorageError when the folder cannot be written.
        """
        from pipeline.export import export

        lists = [Path(each) for each in withdraw]
        return export(self.folder, Path(out), layout, where, sql, classes, empty_classes, lists)

    def feed(
        self,
        batch: int,
        *,
        seed: int = 0,
        split: str = "train",
        where: str = "",
        sampler: Literal["uniform", "cap", "sqrt", "balanced"] = "uniform",
        cap: int = 0,
        mode: Literal["index", "stream"] = "index",
        size: int = 224,
        crop: Literal["random", "center", "squash"] = "random",
        decoder: Literal["pillow", "simplejpeg"] = "pillow",
        threads: int = 1,
    ) -> Feed:
        """Return the reader of the run's shards, whose `batch(step)` depends on the step alone.

        `batch`: samples of a step, over all ranks; `seed` decides their order; `split`: "" for all. `where`: a
        condition in SQL on the view samples, or a SELECT of keys. `sampler`: how often a taxon comes, `cap`: with the
        sampler of that name, most samples of a taxon in an epoch. `mode`: "stream" reads shards from front to back, for
        slow disks. Images are RGB squares of `size` pixels, `crop` says of what part. `threads` decode a batch, by
        `decoder`. With PyTorch, `pipeline.feed.torch.loader` makes a DataLoader of it; docs/feed.md has the rest.

        Raises RunError when the shards are not written, FeedError for what cannot be and when nothing is selected.
        """
        from pipeline.feed import Feed, Rules, View
        from pipeline.storage.run_folder import RunFolder

        RunFolder(self.folder).require("shards")
        rules = Rules(batch, seed, mode, sampler, cap, split, where, threads=threads)
        shards = self.folder if isinstance(self.folder, Path) else f"{self.folder}/shards"
        return Feed(shards, rules, View(size, crop, decoder=decoder))

    def neighbours(
        self,
        name: str = "model",
        *,
        k: int = 10,
        keys: Sequence[str] = (),
        where: str = "",
        split: str = "",
        among: str = "",
        other_groups: bool = False,
        within: float | None = None,
        library: Literal["numpy", "faiss"] = "numpy",
    ) -> pa.Table:
        """Return the nearest pictures of pictures by a set of vectors that `biomill embed` wrote, exactly.

        `name`: of the set. `k`: neighbours of each. Of all pictures, or those of `keys`, of a condition in SQL on the
        view samples (`where`), and of a `split`. `among`: neighbours of one split alone; `other_groups`: none of the
        picture's own organism, event or scene; `within`: none farther than this distance, 1 - cosine. `library`:
        "faiss", where it is installed, finds the candidates. The columns are key, accepted_id, accepted_name, split,
        rank, distance, the same of the neighbour, and same_group. Memory: the answer.

        Raises EvaluationError for a set or pictures that there are not, and a question that cannot be;
        MissingExtraError where faiss is asked for and not installed.
        """
        import pyarrow

        from pipeline.vectors import COLUMNS, Asked, neighbours_of_pictures

        asked = Asked(k, tuple(keys), where, split, among, other_groups, within, library)
        found = list(neighbours_of_pictures(self.folder, name, asked))
        return pyarrow.concat_tables(found) if found else COLUMNS.empty_table()

    def evaluate(
        self,
        embeddings: str | PathLike[str],
        *,
        texts: str | PathLike[str] | None = None,
        traits: str | PathLike[str] | None = None,
        untrained: str | PathLike[str] | None = None,
        train: str = "train",
        shots: Sequence[int] = (1, 5),
        folds: int = 5,
        seed: int = 0,
        permutations: int = 999,
        partial: bool = False,
        where: str = "",
        out: str | PathLike[str] | None = None,
    ) -> Evaluated:
        """Return the measures of a model's embeddings of the run's pictures, which docs/evaluation.md explains.

        The files are Parquet: `embeddings` and `untrained` with columns key and vector, `texts` with accepted_id or
        caption and vector, `traits` with accepted_id and numbers. `train`: the split whose pictures teach. `shots`:
        images of each class for few-shot, drawn `folds` times. `seed`: of all else that is drawn. `permutations`: that
        significance is found by. `partial`: pictures without a vector are left out. `where`: a condition in SQL on the
        view samples; pictures of which it is true are judged. `out`: a folder for the report, the document and the
        tables.

        Raises RunError when the run is not finished, EvaluationError for files that do not fit it, for a split that it
        does not have, and where no picture is judged, FeedError for a condition that cannot be answered.
        """
        from pipeline.evaluate import EvaluationRules, evaluate_run
        from pipeline.evaluation_report import write_with_report

        rules = EvaluationRules(train, tuple(shots), folds, seed, permutations)
        done = evaluate_run(str(self.folder), embeddings, texts, traits, untrained, rules, partial, where)
        if out is not None:
            write_with_report(Path(out), str(self.folder), embeddings, done)
        return done.found


def loaded_recipe(
    recipe: str | PathLike[str] | Recipe,
    out: str | PathLike[str],
    overrides: Mapping[str, object] | None,
    workers: int,
) -> tuple[Recipe, str]:
    """Return the recipe, read where its path is given, and the command that runs it into `out`.

    Raises RecipeError for a recipe that is wrong, UsageError for overrides of one that is loaded.
    """
    from manifests import load_recipe
    from pipeline.model.errors import UsageError

    settings = [f"{key}={_toml(value)}" for key, value in (overrides or {}).items()]
    if isinstance(recipe, str | PathLike):
        return load_recipe(recipe, settings, files=True), _command(recipe, out, settings, workers)
    if settings:
        raise UsageError(
            "overrides are given for a recipe that is loaded",
            where=settings[0],
            expected="the path of a recipe beside overrides",
            remedy="give them to manifests.load_recipe",
        )
    return recipe, ""


def _toml(value: object) -> str:
    """Return a value as an override of a recipe writes it; text stands for itself.

    >>> [_toml(value) for value in (8, True, "shortest", ["CC0", "CC-BY"])]
    ['8', 'true', 'shortest', '["CC0", "CC-BY"]']
    """
    if isinstance(value, str | PathLike):
        return os.fspath(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _command(recipe: str | PathLike[str], out: str | PathLike[str], settings: Sequence[str], workers: int) -> str:
    """Return the command that does the same, which a run that stopped names to go on with.

    >>> _command("a.toml", "out/a", ["image.side=224"], 2)
    'biomill run a.toml -o out/a --set image.side=224 --workers 2'
    """
    words = ["biomill", "run", os.fspath(recipe), "-o", os.fspath(out)]
    words += [word for setting in settings for word in ("--set", setting)]
    return shlex.join([*words, *(["--workers", str(workers)] if workers != 1 else [])])
