"""A plan beside the truth, on drawn corpora, and what it costs over many records.

    python -m tests.performance.bench_plan [--seeds N ...] [--sample N ...] [--head N ...] [--records N ...]
                                           [--folder FOLDER]

Of every seed a demo corpus is drawn, planned and run. Rows by outcome through `screen`, and media by host, have to be
equal; the interval of kept images has to hold what the run kept, without a sample and with one of every size; bytes
of every source, reckoned from the sample, are told as shares of those that were fetched and stored, and those to fetch
also as HEAD requests of every number tell them, and as declared and assumed sizes do. The last lines say how often each
was so. `--records`: generated records, for CPU and memory of the plan's own part, behind `screen`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from manifests import Recipe, load_recipe
from pipeline.demo import build_corpus, generate_records, serve
from pipeline.demo.run import connected
from pipeline.engine.meter import metered
from pipeline.losses.run_losses import rows_left
from pipeline.planning import Asked, Plan, make_plan
from pipeline.planning.making import counted_plan
from pipeline.run.driver import run
from pipeline.storage.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class Truth:
    """What a run did."""

    ended: dict[tuple[str, str, str], int]
    """Rows through screen by source, stage and outcome."""
    hosts: dict[str, int]
    """Media asked of each host in the first round."""
    kept: int
    fetched: dict[str, int]
    stored: dict[str, int]


def truth_of(out: Path) -> Truth:
    """Read what a run did from its tables, none of which a plan writes."""
    con = duckdb.connect()

    def rows(query: str) -> list[tuple[str, int]]:
        return con.execute(query).fetchall()

    ended: dict[tuple[str, str, str], int] = {}
    for stage in ("ingest", "screen"):
        query = f"SELECT source, outcome, count(*) FROM read_parquet('{out}/{stage}/ledger/*.parquet') GROUP BY ALL"
        ended |= {(source, stage, outcome): number for source, outcome, number in con.execute(query).fetchall()}
    hosts = rows(
        f"SELECT host, count(DISTINCT media_id) FROM read_parquet('{out}/fetch/plan-0-0.parquet') "
        "WHERE store = '' GROUP BY 1"
    )
    media = f"(SELECT DISTINCT media_id, bytes FROM read_parquet('{out}/fetch/media/*.parquet'))"
    images = f"(SELECT image_id, length FROM read_parquet('{out}/fetch/media/*.parquet'))"
    candidates = f"read_parquet('{out}/screen/candidates/*.parquet')"
    fetched = rows(
        f"SELECT source, sum(bytes)::BIGINT FROM (SELECT DISTINCT source, media_id FROM {candidates}) "
        f"JOIN {media} USING (media_id) GROUP BY 1"
    )
    stored = rows(
        f"SELECT source, sum(length)::BIGINT FROM (SELECT DISTINCT source, image_id FROM {candidates}) "
        f"JOIN {images} USING (image_id) GROUP BY 1"
    )
    return Truth(ended, dict(hosts), rows_left(RunFolder(out)), dict(fetched), dict(stored))


def differences(plan: Plan, truth: Truth) -> Iterator[str]:
    """Name what a plan says otherwise than the run, of what it counts."""
    ended = {(each.source, way.stage, way.outcome): way.rows for each in plan.sources for way in each.ended}
    if ended != truth.ended:
        yield f"rows: {sorted(set(ended.items()) ^ set(truth.ended.items()))[:3]}"
    hosts = {each.host: each.requests for each in plan.fetching.hosts}
    if hosts != truth.hosts:
        yield f"requests: {sorted(set(hosts.items()) ^ set(truth.hosts.items()))[:3]}"


def shares(plan: Plan, truth: Truth) -> list[tuple[str, float, float]]:
    """Return the bytes of every source that were reckoned, as shares of those that were fetched and stored."""
    return [
        (each.source, each.fetched.value / truth.fetched[each.source], each.stored.value / truth.stored[each.source])
        for each in plan.volumes
    ]


def planned_and_run(
    seed: int, samples: list[int], heads: list[int], root: Path
) -> tuple[Truth, dict[int, Plan], dict[int, Plan]]:
    """Draw a corpus, plan it without a sample (0), with samples and with HEAD requests, and run it."""
    corpus = build_corpus(root / "corpus", seed=seed)
    with serve(corpus.folder) as server:
        recipe = connected(load_recipe(corpus.recipe), server.address)

        def planned(sample: int) -> Plan:
            return make_plan(recipe, None, Asked(sample=sample), lambda line: None)

        plans = {sample: planned(sample) for sample in (0, *samples)}
        asked = {head: make_plan(recipe, None, Asked(head=head), lambda line: None) for head in heads}
        run(recipe, root / "run", until="select", progress=lambda line: None)
    return truth_of(root / "run"), plans, asked


def compare(seeds: list[int], samples: list[int], heads: list[int]) -> bool:
    """Print a line a seed, and how often all was as planned; return whether it always was."""
    right = {"counts": 0, **{f"kept, sample {sample}": 0 for sample in (0, *samples)}}
    near: list[float] = []
    by_head: dict[int, list[tuple[float, bool]]] = {head: [] for head in (0, *heads)}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            truth, plans, asked = planned_and_run(seed, samples, heads, Path(folder))
        wrong = list(differences(plans[0], truth))
        right["counts"] += not wrong
        told = []
        for sample, plan in plans.items():
            held = plan.kept.low <= truth.kept <= plan.kept.high
            right[f"kept, sample {sample}"] += held
            told.append(f"{plan.kept.low}..{plan.kept.high} by {sample}{'' if held else ' MISSED'}")
        each = shares(plans[max(plans)], truth)
        near += [share for _, fetched, stored in each for share in (fetched, stored)]
        for head, plan in {0: plans[0], **asked}.items():
            by_head[head] += [(share, bounded(plan, truth, source)) for source, share, _ in shares(plan, truth)]
        bytes_told = " ".join(f"{source} {fetched:.2f}/{stored:.2f}" for source, fetched, stored in each)
        print(
            f"seed {seed}: kept {truth.kept}; {', '.join(told)}; bytes {bytes_told}; {wrong or 'counts equal'}",
            flush=True,
        )
    within = sum(abs(share - 1) <= 0.1 for share in near)
    print(f"{', '.join(f'{name}: {times} of {len(seeds)}' for name, times in right.items())}; "
          f"bytes within 10 %: {within} of {len(near)}")  # fmt: skip
    for head, found in by_head.items():
        within = sum(abs(share - 1) <= 0.1 for share, _ in found)
        bounds = sum(each for _, each in found)
        furthest = max((abs(share - 1) for share, _ in found), default=0.0)
        by = f"HEAD {head}" if head else "sizes"
        print(
            f"bytes to fetch by {by}: within 10 % {within} of {len(found)}, within the bounds {bounds}, "
            f"at most {furthest:.0%} off"
        )
    return all(times == len(seeds) for times in right.values())


def bounded(plan: Plan, truth: Truth, source: str) -> bool:
    """Return whether the bounds of the bytes to fetch of a source hold what was fetched."""
    told = next(each.fetched for each in plan.volumes if each.source == source)
    return told.low <= truth.fetched[source] <= told.high


def own_part(recipe: Recipe, out: Path) -> dict[str, float]:
    """Return what counting a plan costs over stages that are there."""
    with metered() as cost:
        plan = counted_plan(RunFolder(out), recipe, Asked(), lambda line: None)
    return {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_rss_mb": cost.peak_rss_mb, "rows": plan.candidates}


def measure(records: int, root: Path) -> None:
    """Print what a plan over so many generated records costs, behind screen, in a process of its own."""
    folder = root / str(records)
    if not (folder / "recipe.toml").exists():
        generate_records(folder, records)
    recipe = load_recipe(folder / "recipe.toml")
    run(recipe, folder / "run", until="screen", progress=lambda line: None)
    command = [sys.executable, "-m", "tests.performance.bench_plan", "--child", str(folder)]
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
    print(
        f"{records:>11,} records: {told['cpu_s']:.1f} CPU s, {told['wall_s']:.1f} s, {told['peak_rss_mb']:.0f} MB peak "
        f"(limits.memory_mb {recipe.limits.memory_mb}), {told['rows']:,.0f} candidates",
        flush=True,
    )


def main() -> int:
    """Run what is asked for."""
    if sys.argv[1:2] == ["--child"]:
        folder = Path(sys.argv[2])
        print(json.dumps(own_part(load_recipe(folder / "recipe.toml"), folder / "run")))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(1, 11)))
    parser.add_argument("--sample", type=int, nargs="*", default=[40, 150])
    parser.add_argument("--head", type=int, nargs="*", default=[40, 150])
    parser.add_argument("--records", type=int, nargs="*", default=[100_000])
    parser.add_argument("--folder", type=Path, help="where generated records stay; a temporary folder without it")
    given = parser.parse_args()
    held = compare(given.seeds, given.sample, given.head) if given.seeds else True
    with tempfile.TemporaryDirectory() as temporary:
        for records in given.records:
            measure(records, given.folder or Path(temporary))
    return 0 if held else 1


if __name__ == "__main__":
    raise SystemExit(main())
