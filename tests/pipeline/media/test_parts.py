"""Parts are the same in whatever order units came and wherever they stood; nothing of a unit is lost, or twice."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.catalog.fetched import create_fetched
from pipeline.engine.local_executor import LocalExecutor
from pipeline.media import parts
from pipeline.media.journal import Journal
from pipeline.media.media_schema import MEDIA_SCHEMA
from pipeline.media.tally import STORED, Tally
from pipeline.media.task import Planned
from pipeline.model.errors import StorageError
from pipeline.stages.fetch_plan import write_units
from pipeline.stages.fetch_work import gather, missing_units
from pipeline.storage.files.atomic import sweep, write_json, write_table
from pipeline.storage.run_folder import RunFolder
from pipeline.storage.unit_files import finished, gathered, units_name

OUTCOMES = (None, None, "gone", "timeout")


def rows_of(unit: str) -> list[dict[str, Any]]:
    """The rows of a unit, which follow from its name."""
    drawn = random.Random(unit)
    rows = []
    for number in range(drawn.randint(1, 9)):
        outcome = drawn.choice(OUTCOMES)
        row = {
            "image_id": f"{unit}/{number}",
            "media_id": f"{unit}/{number // 2}",
            "host": f"{drawn.randint(0, 1)}.org",
        }
        rows.append({**row, "address": "http://a", "outcome": outcome, "attempts": 1, "pdq": bytes(32)})
    return [{**row, "host": rows[0]["host"]} for row in rows]


def fetched(folder: Path, unit: str) -> None:
    """Finish a unit, as a worker does."""
    journal = Journal(folder, unit)
    rows = rows_of(unit)
    for media in dict.fromkeys(row["media_id"] for row in rows):
        journal.note([(row, b"" if row["outcome"] else b"jpeg") for row in rows if row["media_id"] == media])
    journal.finish()


def planned(folder: Path, round_: str, names: list[str]) -> list[Planned]:
    """Plan a round of the units."""
    units = [Planned(rows_of(name)[0]["host"], "", name, 0, len(rows_of(name))) for name in sorted(names)]
    write_units(folder / units_name(round_), units)
    (folder / f"plan-{round_}.parquet").touch()
    write_table(folder / "media" / "-schema.parquet", MEDIA_SCHEMA.empty_table())
    write_json(folder / "_plan.json", {"digest": "d", "outputs": [], "rounds": {round_: len(units)}})
    return units


def files(folder: Path) -> dict[str, bytes]:
    """Media and the tables of parts, with the images' blobs, which never move."""
    found = (path for place in ("media", "parts", "blobs") for path in sorted((folder / place).glob("*")))
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def read(folder: Path) -> list[str]:
    """Image ids of all media, as every later stage reads them."""
    return sorted(pq.read_table(folder / "media")["image_id"].to_pylist())


names = st.lists(st.text("0123456789abcdef", min_size=1, max_size=6), min_size=1, max_size=25, unique=True)


@given(names, names, st.randoms(use_true_random=False), st.integers(1, 2))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_parts_are_the_same_in_whatever_order_units_came_and_wherever_they_stood(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[str], before: list[str], order: random.Random, split: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_ROWS", 40 * split)
        straight, other = tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("other")
        units = planned(straight, "0-0", wanted)
        for name in sorted(wanted):
            fetched(straight, name)
        gather(LocalExecutor(), straight, "0-0", units)
        # Here an earlier plan had some of them, which stand in its parts beside others.
        earlier = planned(other, "0-0", before)
        for name in sorted(before):
            fetched(other, name)
        gather(LocalExecutor(), other, "0-0", earlier)
        units = planned(other, "0-0", wanted)
        left = missing_units(other, units)
        assert {each.unit for each in left} == set(wanted) - set(before)
        order.shuffle(left)
        for each in left:
            fetched(other, each.unit)
        assert missing_units(other, units) == []
        names = gather(LocalExecutor(), other, "0-0", units)
        assert sorted(unit for name in names for unit in gathered(other)[name]) == sorted(wanted)
        ours = {path for name in names for path in (f"media/{name}.parquet", f"parts/{name}.parquet")}
        assert {path: data for path, data in files(other).items() if path in ours} == {
            path: data for path, data in files(straight).items() if path[:6] in ("media/", "parts/") and path in ours
        }
        assert {path for path in files(straight) if path.startswith(("media/part-", "parts/"))} == ours
        assert read(straight) == sorted(row["image_id"] for name in wanted for row in rows_of(name))
        rows = pq.read_table(straight / "media").to_pylist()
        for row in rows:
            data = (straight / "blobs" / f"{row['unit']}.bin").read_bytes()
            assert data[row["offset"] : row["offset"] + row["length"]] == (b"" if row["outcome"] else b"jpeg")


def test_a_unit_more_changes_the_part_into_which_it_falls_alone() -> None:
    units = [f"{number:x}" for number in range(1000)]
    before = {parts.part_name(inside) for inside in parts.part_units(units, 8)}
    after = {parts.part_name(inside) for inside in parts.part_units([*units, "new"], 8)}
    assert len(before & after) == 7 and len(after) == 8


def test_there_are_so_many_parts_at_most(tmp_path: Path) -> None:
    units = [f"{number:x}" for number in range(5000)]
    for rows, most in ((1, 1), (parts.PART_ROWS + 1, 2), (214_000_000, 256), (10**12, parts.MOST_PARTS)):
        names, tasks = parts.part_tasks(tmp_path, "0-0", units, rows)
        assert len(names) == len(tasks) == most


CHILD = """
import os, sys
from pathlib import Path
from pipeline.engine.local_executor import LocalExecutor
from pipeline.media import parts
from pipeline.stages.fetch_work import gather
from tests.pipeline.media.test_parts import UNITS, planned

parts.PART_ROWS = 20

def killed_after(folder, left):
    units = planned(folder, "0-0", UNITS)

    def count(event, args):
        nonlocal left
        if event in ("os.rename", "os.remove") and str(folder) in str(args[0]):
            left -= 1
            if left < 0:
                os._exit(9)

    sys.addaudithook(count)
    gather(LocalExecutor(), folder, "0-0", units)

for line in sys.stdin:
    steps, folder = line.rstrip("\\n").split(" ", 1)
    child = os.fork()  # before Arrow starts threads, which a fork would lack
    if child == 0:
        killed_after(Path(folder), int(steps))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
UNITS = [f"{number:04x}" for number in range(5)]


def assert_whole(folder: Path) -> None:
    """Every look at a fetch that was killed while it gathered finds every answer, and each once."""
    expected = [row for unit in UNITS for row in rows_of(unit)]
    assert missing_units(folder, [Planned("", "", unit, 0, 1) for unit in UNITS]) == []
    tally = Tally(folder)
    tally.refresh()
    counts: Counter[tuple[str, str]] = Counter((row["host"], row["outcome"] or STORED) for row in expected)
    assert +tally.counts() == counts
    there = finished(folder, {"rounds": {"0-0": len(UNITS)}})
    assert there.units == len(UNITS)
    shown = [pq.read_table(folder / name)["image_id"].to_pylist() for name in there.files]
    assert sorted(image for images in shown for image in images) == sorted(row["image_id"] for row in expected)


@pytest.fixture
def killed() -> Iterator[Callable[[Path, int], int]]:
    """Gather in a process that is killed after so many steps; return its exit status."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        asked, told = process.stdin, process.stdout

        def kill(folder: Path, steps: int) -> int:
            print(steps, folder, file=asked, flush=True)
            return int(told.readline())

        yield kill
        asked.close()


def test_a_kill_at_any_step_leaves_nothing_lost_and_nothing_twice(
    killed: Callable[[Path, int], int], tmp_path: Path
) -> None:
    begin, whole = tmp_path / "begin", tmp_path / "whole"
    for unit in UNITS:
        fetched(begin, unit)
    for steps in range(200):
        folder = tmp_path / f"killed-{steps}"
        shutil.copytree(begin, folder)
        status = killed(folder, steps)
        assert_whole(folder)
        if status == 0:
            folder.rename(whole)
            break
        assert status == 9
    assert steps >= len(UNITS) + 4  # tables of parts and parts are renamed, and files of units removed
    expected = files(whole)
    assert read(whole) == sorted(row["image_id"] for unit in UNITS for row in rows_of(unit))
    for number in range(steps):
        folder = tmp_path / f"killed-{number}"
        sweep(folder)
        assert killed(folder, 1000) == 0
        assert files(folder) == expected


def test_while_a_fetch_goes_on_each_answer_is_read_once(tmp_path: Path) -> None:
    """Of a part in which units of an earlier plan stand, too, and of units with a file beside a part."""
    folder = tmp_path / "fetch"
    before, wanted = ["a1", "a2", "b1"], ["a1", "a2", "c1", "d1"]
    earlier = planned(folder, "0-0", before)
    for name in [*before, "c1", "d1"]:
        fetched(folder, name)
    gather(LocalExecutor(), folder, "0-0", earlier)
    units = planned(folder, "0-0", wanted)
    kept = {path: path.read_bytes() for path in folder.glob("media/[cd]*.parquet")}
    gather(LocalExecutor(), folder, "0-0", units)
    for path, data in kept.items():
        path.write_bytes(data)  # as a kill leaves them beside their part
    write_table(tmp_path / "screen" / "candidates" / "part.parquet", candidates())
    with duckdb.connect() as con:
        assert create_fetched(con, RunFolder(tmp_path))
        found = sorted(image for (image,) in con.execute("SELECT image_id FROM unfinished.media").fetchall())
        assert found == sorted(row["image_id"] for name in wanted for row in rows_of(name))
    for path in folder.glob("media/part-*.parquet"):
        if "b1" not in gathered(folder)[path.stem]:
            path.unlink()  # now some of the plan is in the earlier part alone
    with duckdb.connect() as con:
        assert create_fetched(con, RunFolder(tmp_path))
        found = sorted(image for (image,) in con.execute("SELECT image_id FROM unfinished.media").fetchall())
        assert found == sorted(row["image_id"] for name in wanted for row in rows_of(name))


def candidates() -> Any:
    from pipeline.stages.screen import CANDIDATE_SCHEMA

    return CANDIDATE_SCHEMA.empty_table()


def test_a_unit_that_is_nowhere_is_named(tmp_path: Path) -> None:
    units = planned(tmp_path, "0-0", ["a", "b"])
    fetched(tmp_path, "a")
    with pytest.raises(StorageError, match="work unit b are gone"):
        gather(LocalExecutor(), tmp_path, "0-0", units)
    assert gathered(tmp_path) == {}
    assert [path.stem for path in tmp_path.glob("media/[!-]*.parquet")] == ["a"]
