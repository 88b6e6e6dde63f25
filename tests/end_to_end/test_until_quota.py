"""Fetching until quotas are met: behind failures, duplicates, leaks and conditions on pictures, and no further."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from manifests import Recipe
from pipeline.engine.engine import EngineOptions
from pipeline.model.licences import OPENNESS
from pipeline.planning.making import Asked, make_plan
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.conftest import Demo
from tests.end_to_end.commands import command

CAP = 2
WHERE = "media.sharpness > 300"
SETTINGS = (f"select.cap_per_taxon={CAP}", f"select.where='{WHERE}'", "select.prefer=['licence']")
UNTIL = (*SETTINGS, "fetch.until_quota=true", "fetch.patience=1.0")


def asking(demo: Demo, fetch: dict[str, Any], **select: Any) -> Recipe:
    rules = {"cap_per_taxon": CAP, "where": WHERE, "prefer": ("licence",), **select}
    return dataclasses.replace(
        demo.recipe,
        fetch=dataclasses.replace(demo.recipe.fetch, patience=1.0, **fetch),
        select=dataclasses.replace(demo.recipe.select, **rules),
    )


def rows(out: Path, part: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(out / part).to_pylist()
    return found


def begun(demo: Demo, out: Path) -> Path:
    """Make a run that has got up to fetch."""
    later = ("fetch", "likeness", "select", "shards")
    shutil.copytree(demo.out, out, ignore=lambda folder, _: later if Path(folder) == demo.out else ())
    return out


def requests(demo: Demo, recipe: Recipe, out: Path, until: str = "select", workers: int = 1) -> set[str]:
    """Run; return the addresses that were asked for meanwhile."""
    before = Counter(demo.server.hits)
    run(recipe, out, until, EngineOptions(workers=workers), progress=lambda line: None)
    return set(Counter(demo.server.hits) - before)


def planned(out: Path, step: int) -> list[dict[str, Any]]:
    """Return the images that were asked for at their own addresses in a step."""
    return rows(out, f"fetch/plan-{step}-0.parquet") if (out / f"fetch/plan-{step}-0.parquet").exists() else []


def digests(out: Path) -> dict[str, str]:
    """Return the digest of every table that a run left from fetch on."""
    paths = [path for stage in ("fetch", "likeness", "select") for path in (out / stage).rglob("*.parquet")]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(paths)}


@dataclasses.dataclass
class Met:
    out: Path
    recipe: Recipe
    asked: set[str]
    """Addresses."""


@pytest.fixture(scope="module")
def met(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Met:
    out, recipe = begun(demo, tmp_path_factory.mktemp("met") / "out"), asking(demo, {"until_quota": True})
    return Met(out, recipe, requests(demo, recipe, out))


def test_every_taxon_has_its_quota_or_no_candidate_left_whatever_was_lost_of_it(met: Met) -> None:
    taxa = {row["record_id"]: row["taxon"] for row in rows(met.out, "fetch/order.parquet")}
    kept = Counter(row["accepted_id"] for row in rows(met.out, "select/decisions"))
    ended = {stage: rows(met.out, f"{stage}/ledger") for stage in ("fetch", "likeness", "select")}
    unasked = [row for row in ended["fetch"] if row["outcome"] == "not_needed"]
    left = {taxa[row["row_id"]] for row in unasked}
    assert left
    assert {taxon: kept[taxon] for taxon in left} == dict.fromkeys(left, CAP)
    # Nobody was asked for who is not needed, but of a taxon that was asked for again and again.
    over = {taxa[row["row_id"]] for row in ended["select"] if row["outcome"] == "over_quota"}
    of_image = {row["image_id"]: taxa[row["record_id"]] for row in rows(met.out, "screen/candidates")}
    rounds = {(step, of_image[row["image_id"]]) for step in range(9) for row in planned(met.out, step)}
    often = {taxon for taxon, times in Counter(taxon for _, taxon in rounds).items() if times > 4}
    assert over <= often
    assert len(often) < len(left) / 2
    met_behind = {row["outcome"] for stage in ended.values() for row in stage if taxa.get(row["row_id"]) in left}
    assert {"not_needed", "quality"} < met_behind
    assert met_behind & {"leak_hamming", "leak_bytes"}
    assert met_behind & {"exact_duplicate", "near_duplicate"}
    assert met_behind & {"gone", "truncated", "not_an_image", "missing_file"}
    stood_in = [row for row in ended["fetch"] if row["other_id"]]
    assert stood_in
    assert all(taxa[row["other_id"]] == taxa[row["row_id"]] for row in stood_in)
    for row in unasked:
        told = json.loads(row["evidence"])
        assert (told["rule"], told["wanted"], told["taxon"]) == ("cap_per_taxon", CAP, taxa[row["row_id"]])
        assert told["stay"] == CAP <= told["asked"]


def test_nobody_else_was_asked_and_everybody_by_licence(met: Met) -> None:
    candidates = rows(met.out, "screen/candidates")
    unasked = {row["row_id"] for row in rows(met.out, "fetch/ledger") if row["outcome"] == "not_needed"}
    addresses: defaultdict[bool, set[str]] = defaultdict(set)
    for row in candidates:
        own = [row["address"], *(each["address"] for each in row["alternates"] or ())]
        addresses[row["record_id"] in unasked] |= {each.partition("://")[2] for each in own if not row["store"]}
    alone = addresses[True] - addresses[False]
    assert len(alone) > len(addresses[False]) / 2
    assert not alone & met.asked
    taxa = {row["record_id"]: (row["taxon"], row["place"]) for row in rows(met.out, "fetch/order.parquet")}
    family = {row["record_id"]: row["license_family"] for row in candidates}
    for one in family:
        for other in family:
            if taxa[one][0] == taxa[other][0] and taxa[one][1] < taxa[other][1]:
                openness = [OPENNESS.get(family[each], len(OPENNESS)) for each in (one, other)]
                assert openness == sorted(openness)
                assert one not in unasked or other in unasked


def test_two_workers_give_the_same_tables(demo: Demo, met: Met, tmp_path: Path) -> None:
    out = begun(demo, tmp_path / "out")
    requests(demo, met.recipe, out, workers=2)
    assert digests(out) == digests(met.out)
    assert not list(out.glob("fetch/judged*"))


@pytest.mark.parametrize("moment", ["fetch/judged/work-*/hashes.npy", "fetch/judged/lost/*"])
def test_a_run_that_was_killed_goes_on_to_the_same_tables(demo: Demo, met: Met, tmp_path: Path, moment: str) -> None:
    out = begun(demo, tmp_path / "out")
    typed = command(demo, out, "--until", "select", *(word for each in UNTIL for word in ("--set", each)))
    process = subprocess.Popen(typed, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not list(out.glob(moment)):
        assert process.poll() is None, process.communicate()[1].decode()
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = Counter(demo.server.hits)
    subprocess.run(typed, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    again = Counter(demo.server.hits) - before
    assert digests(out) == digests(met.out)
    assert len(again) < len(met.asked)


def test_another_quota_asks_only_for_what_it_wants_besides(demo: Demo, met: Met, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(met.out, out)
    before = {row["image_id"]: row for row in rows(out, "fetch/media") if row["outcome"] is None}
    more = requests(demo, asking(demo, {"until_quota": True}, cap_per_taxon=CAP + 1), out)
    # A frame is asked for again where another box of it is wanted.
    wanted = {row["media_id"] for row in rows(out, "fetch/media") if row["image_id"] not in before}
    stored = {row["address"].partition("://")[2] for row in before.values() if row["media_id"] not in wanted}
    assert len(more) > 5
    assert not more & stored
    kept = Counter(row["accepted_id"] for row in rows(out, "select/decisions"))
    assert max(kept.values()) == CAP + 1
    done = (out / "fetch" / "_done.json").read_bytes()
    validation = asking(demo, {"until_quota": True}, cap_per_taxon=CAP + 1, validation_percent=50.0)
    assert requests(demo, validation, out) == set()
    assert (out / "fetch" / "_done.json").read_bytes() == done


def test_a_number_of_images_is_asked_for_by_licence_as_the_plan_says(demo: Demo, tmp_path: Path) -> None:
    recipe = asking(demo, {"images_per_taxon": 2}, where=None, cap_per_taxon=0)
    plan = make_plan(recipe, tmp_path / "out", Asked(), lambda line: None)
    requests(demo, recipe, tmp_path / "out", until="fetch")
    candidates = {row["record_id"]: row for row in rows(tmp_path / "out", "screen/candidates")}
    images = {row["image_id"] for row in rows(tmp_path / "out", "fetch/plan-0-0.parquet")}
    of_taxon: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for row in rows(tmp_path / "out", "fetch/order.parquet"):
        record = candidates[row["record_id"]]
        openness = OPENNESS.get(record["license_family"], len(OPENNESS))
        of_taxon[row["taxon"]].append((row["place"], openness, record["image_id"]))
    varied, first = 0, set()
    for taxon in map(sorted, of_taxon.values()):
        assert [openness for _, openness, _ in taxon] == sorted(openness for _, openness, _ in taxon)
        first |= {image for _, _, image in taxon[:2]}
        varied += len({openness for _, openness, _ in taxon}) > 1 and len(taxon) > 2
    assert first == images
    assert varied > 5
    media = {row["media_id"] for row in candidates.values() if row["image_id"] in images}
    assert plan.fetching.media == len(media)


def test_the_whole_run_verifies(demo: Demo, met: Met, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shutil.copytree(met.out, out)
    requests(demo, met.recipe, out, until="catalog")
    assert not [check for check in verify(out) if not check.ok]
    taxa = {row["record_id"]: row["taxon"] for row in rows(out, "fetch/order.parquet")}
    unasked = {taxa[row["row_id"]] for row in rows(out, "fetch/ledger") if row["outcome"] == "not_needed"}
    table = pq.read_table(out / "select/decisions/part.parquet")
    place = next(at for at, taxon in enumerate(table["accepted_id"].to_pylist()) if taxon in unasked)
    pq.write_table(pa.concat_tables([table[:place], table[place + 1 :]]), out / "select/decisions/part.parquet")
    failed = {check.name: check for check in verify(out) if not check.ok}
    assert "below select.cap_per_taxon with candidates that were not asked for" in str(failed["quotas"])
