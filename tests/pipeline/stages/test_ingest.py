"""The ingest stage in many small units: what was lost is done again, and no more is opened than must be."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import FrameType

import pytest

from manifests import load_recipe
from manifests.recipe import SourceSpec
from pipeline.demo import generate_records
from pipeline.run.driver import run
from pipeline.sources import open_source
from pipeline.stages import planned, spool
from pipeline.stages.ingest import ReadRange, Unit, ingest_planned
from pipeline.stages.reading import plan_release
from pipeline.storage.files.atomic import TEMPORARY_PREFIX
from tests.pipeline.stages.small_ingest import ROWS, ingest, mapped, small_units, tables


@pytest.fixture(scope="module")
def bulk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_records(tmp_path_factory.mktemp("bulk"), ROWS)


@pytest.fixture(scope="module")
def undisturbed(bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    ingest(bulk, out)
    return tables(out)


def test_spooled_rows_that_were_lost_are_read_again_and_finished_sources_are_not(
    bulk: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out, folder = tmp_path / "out", tmp_path / "out" / "ingest"
    ingest(bulk, out)
    (folder / "_done.json").unlink()
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/gbif[-.]*.parquet")}
    ingest(bulk, out)
    assert {path: path.stat().st_mtime_ns for path in before} == before, "spool is gone, and nothing needed it"
    (folder / "_done.json").unlink()
    one = mapped(out)[7]
    one.unlink()
    (folder / "ledger" / one.name).unlink()
    (folder / "spool").mkdir()
    (folder / "spool" / "gbif.occurrence-00000.arrow").write_bytes(b"half of it")
    (folder / "spool" / f"{TEMPORARY_PREFIX}partition-x").mkdir()
    ingest(bulk, out)
    assert tables(out) == undisturbed
    others = [path for path in mapped(out) if path != one]
    assert all(path.stat().st_mtime_ns == before[path] for path in others)


def test_a_source_that_is_called_like_the_table_of_another_loses_nothing(tmp_path: Path) -> None:
    recipe = generate_records(tmp_path, 40)
    archive = next(tmp_path.glob("*.zip"))
    subprocess.run(["unzip", "-q", str(archive), "-d", str(tmp_path / "open")], check=True)
    with (tmp_path / "open" / "multimedia.txt").open("a") as table:
        table.write("just one cell\n" * 3)
    text = recipe.read_text().replace(archive.name, "open")
    start = text.index("[[sources]]")
    source = text[start : text.index("\n[", start + 1)]
    both = source + "\n" + source.replace('"gbif"', '"gbif-multimedia"')
    recipe.write_text(text.replace(source, both) + "\n[limits]\nreject_percent = 100.0\n")
    with small_units(4000, 2000):
        run(load_recipe(recipe), tmp_path / "out", until="ingest")
    balance = json.loads((tmp_path / "out" / "ingest" / "_done.json").read_text())["balance"]
    assert [(each["source"], each["ended"]) for each in balance] == [("gbif", 3), ("gbif-multimedia", 3)]


def test_a_release_without_rows_and_one_of_broken_rows_balance(tmp_path: Path) -> None:
    for name, lines in (("empty", 0), ("broken", 300)):
        folder = tmp_path / name
        recipe = generate_records(folder, 1)
        archive = next(folder.glob("*.zip"))
        subprocess.run(["unzip", "-q", str(archive), "-d", str(folder / "open")], check=True)
        for table in ("occurrence.txt", "multimedia.txt"):
            path = folder / "open" / table
            header = path.read_text().splitlines()[0]
            path.write_text("\n".join([header, *["just one cell"] * lines]) + "\n")
        text = recipe.read_text().replace(archive.name, "open")
        recipe.write_text(f"{text}\n[limits]\nreject_percent = 100.0\n")
        with small_units(500, 500):
            run(load_recipe(recipe), folder / "out", until="ingest", progress=lambda line: None)
        done = json.loads((folder / "out" / "ingest" / "_done.json").read_text())
        assert done["balance"] == [{"source": "gbif", "rows_in": 2 * lines, "rows_out": 0, "ended": 2 * lines}]
        plan = json.loads((folder / "out" / "ingest" / "_plan.json").read_text())
        assert all((folder / "out" / "ingest" / output).exists() for output in plan["outputs"])


class Counted:
    """Runs units here, and counts what travels to them and which spooled files are opened on the way."""

    OPENING = frozenset({"spool_table", "spooled_bucket", "spooled_buckets"})

    def __init__(self) -> None:
        self.units = self.sent = self.work = self.opened = 0

    def __call__(self, units: Sequence[Unit], work: Callable[[Unit], None]) -> None:
        self.units += len(units)
        self.sent += sum(len(pickle.dumps(unit)) for unit in units)
        self.work = max(self.work, len(pickle.dumps(work)))
        before = sys.getprofile()
        sys.setprofile(self._count)
        try:
            for unit in units:
                work(unit)
        finally:
            sys.setprofile(before)

    def _count(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        self.opened += event == "call" and code.co_name in self.OPENING and code.co_filename == spool.__file__


@pytest.fixture(scope="module")
def counted(bulk: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Counted]:
    """Return what ingest of the same rows takes with about 25, 50, 100 and 200 splits, and half as many buckets."""
    (spec,) = load_recipe(bulk).sources
    assert isinstance(spec, SourceSpec)
    release = open_source(spec.kind).inspect(spec)
    total = sum(split.length for split in open_source(spec.kind).plan(release, tmp_path_factory.mktemp("a")).splits)
    found = {}
    for splits in (25, 50, 100, 200):
        folder, count = tmp_path_factory.mktemp("counted"), Counted()
        with small_units(total // splits, 2 * total // splits):
            cut = plan_release(release, folder)
        assert 0.9 < len(cut.plan.splits) / splits < 1.2 and 0.9 < cut.plan.buckets / (splits / 2) < 1.2
        ingest_planned([planned.planned_release(folder, cut.release, cut.plan, 4, partitions=8)], folder, count)
        assert len(list((folder / "records").glob("gbif-*.parquet"))) == cut.plan.buckets
        found[splits] = count
        shutil.rmtree(folder)
    return found


def test_units_bytes_and_opened_files_grow_with_the_splits_and_not_with_splits_times_buckets(
    counted: dict[int, Counted],
) -> None:
    for what in ("units", "sent", "opened"):
        grown = [getattr(counted[splits], what) for splits in (25, 50, 100, 200)]
        for less, more in pairwise(grown):
            assert more <= 2.4 * less, (what, grown)
    assert counted[200].sent < 100 * counted[200].units, "a unit is a name and a number"
    assert counted[200].work == counted[25].work < 1_000, "what the units share does not grow with them"
    # 50 ranges into 8 partitions, and each of these once more into 100 buckets in all: 200 x 100 pairs are 20,000.
    assert counted[200].opened < 1_200


def test_work_knows_the_release_by_the_name_of_its_file(tmp_path: Path) -> None:
    work = ReadRange({"gbif": str(tmp_path / "absent.pickle")})
    with pytest.raises(FileNotFoundError, match=r"absent\.pickle"):
        work(Unit("gbif", 0))
