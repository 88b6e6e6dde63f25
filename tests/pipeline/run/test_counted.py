"""What units count in Beam's metrics is what the ledger holds, for every outcome that is decided in units."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from manifests import Recipe
from pipeline.engine.options import EngineOptions
from pipeline.run.driver import run
from pipeline.storage import database as sql
from pipeline.storage.files.atomic import read_json
from pipeline.storage.run_folder import RunFolder
from tests.conftest import Demo


def counted(folder: RunFolder, stage: str) -> Counter[str]:
    return Counter(read_json(folder.stage(stage) / "_cost.json")["counted"])


def rows(folder: RunFolder, table: str, outcome: str = "outcome") -> Counter[str]:
    with sql.connect(256, folder.root) as con:
        query = f"SELECT {outcome}, count(*) FROM {sql.parquet(folder.root / table)} GROUP BY 1"
        return Counter(dict(con.execute(query).fetchall()))


def check(folder: RunFolder) -> None:
    """Compare the metrics of every stage with the tables that its units wrote."""
    ingest = counted(folder, "ingest")
    ended = {name: number for name, number in ingest.items() if name not in ("records", "absorbed")}
    assert ended == rows(folder, "ingest/ledger") == rows(folder, "ingest/ended")
    assert ingest["records"] == rows(folder, "ingest/records", "1")[1]  # type: ignore[index]
    balance = read_json(folder.done("ingest"))["balance"]
    assert ingest.total() == sum(each["rows_in"] for each in balance)
    images = rows(folder, "fetch/media", "'image_' || coalesce(outcome, 'stored')")
    assert counted(folder, "fetch") == images and images["image_stored"] > 0 and len(images) > 3


def test_the_metrics_of_a_run_in_one_process_are_its_ledger(demo: Demo) -> None:
    folder = RunFolder(demo.out)
    check(folder)
    # All outcomes of units are in the ledger under the name of their metric; the others are decided by SQL.
    ledger = sum((rows(folder, f"{stage}/ledger") for stage in ("ingest", "fetch")), Counter[str]())
    names = {name.removeprefix("image_") for name in counted(folder, "fetch")} | set(counted(folder, "ingest"))
    assert names - {"stored", "records", "absorbed"} <= set(ledger)


@pytest.mark.whole
@pytest.mark.parametrize("unit_minutes", [0.0, 5.0])
def test_the_metrics_of_a_job_service_are_its_ledger(recipe: Recipe, tmp_path: Path, unit_minutes: float) -> None:
    options = EngineOptions("portable", 2, unit_minutes=unit_minutes)
    until = "ingest" if unit_minutes else "fetch"
    folder = run(recipe, tmp_path / "out", until, options, print)
    if until == "fetch":
        check(folder)
    else:
        ended = counted(folder, "ingest")
        assert {name: ended[name] for name in rows(folder, "ingest/ended")} == rows(folder, "ingest/ended")


def test_units_that_were_there_are_not_counted_again(recipe: Recipe, tmp_path: Path) -> None:
    folder = run(recipe, tmp_path / "out", "ingest", progress=print)
    whole = {each["source"]: each["rows_in"] for each in read_json(folder.done("ingest"))["balance"]}
    folder.done("ingest").unlink()
    for path in (tmp_path / "out" / "ingest" / "ledger").glob("fathomnet-*.parquet"):
        path.unlink()
    run(recipe, tmp_path / "out", "ingest", progress=print)
    assert counted(folder, "ingest").total() == whole["fathomnet"]
    run(recipe, tmp_path / "out", "ingest", progress=print)
    assert counted(folder, "ingest").total() == whole["fathomnet"], "a stage that is done is not done again"
