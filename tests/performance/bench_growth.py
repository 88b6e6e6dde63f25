"""What every stage costs as records and units grow: CPU a record, peak memory, files, and bytes of its graphs.

    python -m tests.performance.bench_growth [SIZE ...] [--stage STAGE ...] [--folder FOLDER] [--tars | --pictures]

A generated GBIF archive of every size goes through the real driver, each stage in a process of its own over what the
one before left. Media do not exist: the fetch finds its answers there, drawn for the units that it plans, and does all
but to fetch (`stand_ins`; `bench_fetch` measures fetching itself). Shards are planned, and written with `--tars`. With
`--pictures` pictures of some 2 KB are fetched over loopback, none like another, and written into shards.
The last line of a size is the same command again, when all is done. Memory is that of the process and its children,
at most; the ratio is of CPU a record to the size before. 10 M records take a quarter of an hour of CPU and more, and
some 15 GB of disk.

With `--folder` what was made stays, and `--stage` measures some stages again over it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from manifests import Recipe, load_recipe
from pipeline.demo import connect_to, generate_records
from pipeline.engine.meter import Cost, metered
from pipeline.run.driver import run
from pipeline.stages.base import Context, prepare, stage_digest
from pipeline.stages.shards import Shards
from pipeline.storage.places import remove_tree
from pipeline.storage.run_folder import STAGES, RunFolder
from tests.performance import small_pictures, stand_ins

SIZES = (10_000, 100_000)
AGAIN = "again"
"""The same command when all is done."""
SERVED = "BIOMILL_BENCH_PICTURES"
"""In the environment of a step that fetches: where pictures are served."""


def recipe_at(path: Path) -> Recipe:
    """Return the recipe of a size; its hosts are those of the server of pictures, if there is one, and bear all."""
    recipe, address = load_recipe(path), os.environ.get(SERVED)
    if not address:
        return recipe
    fetch = replace(recipe.fetch, per_host_rate=1e6, per_host_connections=16, lanes=os.cpu_count() or 1)
    return replace(recipe, fetch=replace(fetch, connect_to=connect_to(address)))


@contextmanager
def graphs_measured() -> Iterator[list[int]]:
    """Collect the bytes of every graph that is run, in a list."""
    import apache_beam as beam

    sizes: list[int] = []
    real = beam.Pipeline.run

    def run_measured(self: beam.Pipeline, *given: Any, **named: Any) -> Any:
        sizes.append(len(self.to_runner_api().SerializeToString()))
        return real(self, *given, **named)

    beam.Pipeline.run = run_measured  # type: ignore[method-assign]
    try:
        yield sizes
    finally:
        beam.Pipeline.run = real  # type: ignore[method-assign]


def one(name: str, recipe_path: Path, out: Path, tars: bool) -> None:
    """Run one stage over what those before it left, and print what it cost as JSON."""
    recipe, folder = recipe_at(recipe_path), RunFolder(out)
    context = Context(recipe, folder, lambda line: None)
    if name == AGAIN:
        with metered() as cost:
            run(recipe, out, progress=lambda line: None)
        print(json.dumps({**asdict(cost), "graph": 0}))
        return
    with graphs_measured() as sizes:
        if name == "shards" and not tars:
            cost = planned_shards(context)
        else:
            run(recipe, out, until=name, progress=lambda line: None)
            told = json.loads((out / name / "_cost.json").read_text())
            cost = Cost(told["wall_s"], told["cpu_s"], told["peak_rss_mb"])
    print(json.dumps({**asdict(cost), "graph": max(sizes, default=0)}))


def planned_shards(context: Context) -> Cost:
    """Plan the shards and measure that; what else the stage leaves is drawn."""
    stage = Shards()
    prepare(stage, context, stage_digest(stage, context))
    with metered() as cost:
        stage._assign(context, context.folder.stage("shards"))
    return cost


def draw(name: str, recipe_path: Path, out: Path) -> None:
    """Draw what a stage leaves or finds that is not measured."""
    context = Context(load_recipe(recipe_path), RunFolder(out), lambda line: None)
    if name == "fetch":
        stand_ins.answer(context)
    else:
        stand_ins.manifest(context)


def child(*arguments: str) -> dict[str, float]:
    """Run a step in a process of its own; give what it printed as JSON, if anything."""
    command = [sys.executable, "-m", "tests.performance.bench_growth", "--child", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    return found


def size_of(folder: Path) -> tuple[int, int]:
    """Return the files and the bytes below a folder."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return len(sizes), sum(sizes)


def measure(size: int, root: Path, stages: list[str], tars: bool) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield what every stage costs; stages that are not measured, and not there, are run all the same."""
    recipe, out = root / str(size) / "recipe.toml", root / str(size) / "run"
    if not recipe.exists():
        generate_records(recipe.parent, size)
    folder = RunFolder(out)
    given = str(recipe), str(out)
    steps = [*STAGES, AGAIN]
    for name in steps[: 1 + max(map(steps.index, stages))]:
        drawn = SERVED not in os.environ and name == "fetch" and (out / "fetch" / "media").exists()
        if name in stages:
            folder.done(name).unlink(missing_ok=True)
            if not drawn and (out / name).exists():
                remove_tree(out / name)
        elif name == AGAIN or folder.done(name).exists():
            continue
        if name == "fetch" and not drawn and SERVED not in os.environ:
            child("draw", name, *given)
        cost = child("tars" if tars else "tables", name, *given)
        if name == "shards" and not tars:
            child("draw", name, *given)
        if name in stages:
            files, held = size_of(out / name if name in STAGES else out)
            yield name, {**cost, "files": files, "bytes": held}


def line(size: int, name: str, cost: dict[str, float], before: float, budget: int) -> str:
    """Return what is printed of a stage; `before`: CPU us a record of the size before, 0 where there is none."""
    each = 1e6 * cost["cpu_s"] / size
    ratio = f"(x {each / before:.2f})" if before else ""
    return (
        f"{size:>11,} {name:<9} {cost['cpu_s']:>8.1f} CPU s {each:>7.1f} us a record {ratio:>8} "
        f"{cost['wall_s']:>8.1f} s {cost['peak_rss_mb']:>6.0f} MB peak ({cost['peak_rss_mb'] - budget:+6.0f} beside "
        f"memory_mb) {cost['files']:>6,.0f} files {cost['bytes'] / 1e6:>8,.0f} MB, graph {cost['graph']:>6,.0f} B"
    )


def main() -> None:
    """Run all sizes and print a line per stage."""
    if sys.argv[1:2] == ["--child"]:
        kind, name, recipe, out = sys.argv[2:]
        if kind == "draw":
            draw(name, Path(recipe), Path(out))
        else:
            one(name, Path(recipe), Path(out), kind == "tars")
        return
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="records")
    parser.add_argument("--stage", nargs="*", default=[*STAGES, AGAIN], choices=[*STAGES, AGAIN])
    parser.add_argument("--folder", type=Path, help="where all of it stays; a temporary folder without it")
    parser.add_argument("--tars", action="store_true", help="write the shards, too, some KB a record")
    parser.add_argument("--pictures", action="store_true", help="fetch small pictures, and write the shards")
    given = parser.parse_args()
    serving = small_pictures.served() if given.pictures else nullcontext("")
    with tempfile.TemporaryDirectory() as temporary, serving as address:
        if address:
            os.environ[SERVED] = address
        root = given.folder or Path(temporary)
        before: dict[str, float] = {}
        for size in given.sizes:
            for name, cost in measure(size, root, given.stage, given.tars or given.pictures):
                budget = load_recipe(root / str(size) / "recipe.toml").limits.memory_mb
                print(line(size, name, cost, before.get(name, 0.0), budget), flush=True)
                before[name] = 1e6 * cost["cpu_s"] / size


if __name__ == "__main__":
    main()
