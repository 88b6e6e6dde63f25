"""Worker processes: lean, answering with what they raised, and gone with their parent."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from pipeline.media.processes import Processes
from pipeline.model.errors import PipelineError, WorkerDiedError

HEAVY = (
    "apache_beam",
    "duckdb",
    "pandas",
    "scipy",
    "pyarrow.compute",
    "pyarrow.dataset",
    "fsspec",
    "jinja2",
    "requests",
)


class Unpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__("cannot be made anew from its words")


def write_pid(path: str) -> None:
    Path(path).write_text(str(os.getpid()))


def sleep_and_tell(path: str) -> None:
    write_pid(path)
    time.sleep(60)


def fail(kind: str) -> None:
    if kind == "pipeline":
        raise PipelineError("broken", where="there", remedy="mend it")
    if kind == "unpicklable":
        raise Unpicklable(1, 2)
    os._exit(7)


def chatter(_: str) -> None:
    print("this is no answer", flush=True)
    os.write(1, b"nor this")


def test_each_task_has_a_process_of_its_own_and_the_future_says_when_it_is_done(tmp_path: Path) -> None:
    with Processes() as processes:
        paths = [str(tmp_path / str(number)) for number in range(2)]
        for future in [processes.submit(write_pid, path) for path in paths]:
            assert future.result(timeout=60) is None
    pids = {Path(path).read_text() for path in paths}
    assert len(pids) == 2
    assert str(os.getpid()) not in pids


def test_what_the_work_raises_is_raised_here() -> None:
    with Processes() as processes:
        with pytest.raises(PipelineError, match="broken") as caught:
            processes.submit(fail, "pipeline").result(timeout=60)
        assert "mend it" in str(caught.value)
        with pytest.raises(PipelineError, match="Unpicklable: cannot be made anew"):
            processes.submit(fail, "unpicklable").result(timeout=60)
        with pytest.raises(WorkerDiedError) as died:
            processes.submit(fail, "exit").result(timeout=60)
        assert "run the same command again" in str(died.value)


def test_what_the_work_prints_is_no_answer() -> None:
    with Processes() as processes:
        assert processes.submit(chatter, "").result(timeout=60) is None


def test_the_end_of_the_context_ends_processes_that_still_work(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    started = time.monotonic()
    with Processes() as processes:
        processes.submit(sleep_and_tell, str(path))
        while not path.exists() or not path.read_text():
            time.sleep(0.02)
    assert time.monotonic() - started < 50
    assert not psutil.pid_exists(int(path.read_text()))


def loaded_after_a_fetch(tmp_path: Path, code: str) -> set[str]:
    """The modules of a process that ran the code, which may use `list_of_urls` and `out`."""
    listing = tmp_path / "urls.csv"
    listing.write_text("url\nhttp://127.0.0.1:9/a.jpg\nhttp://127.0.0.1:9/b.jpg\n")
    told = tmp_path / "modules.json"
    head = f"import json, pathlib, sys\nlisting, out = {str(listing)!r}, {str(tmp_path / 'out')!r}\n"
    tail = f"\npathlib.Path({str(told)!r}).write_text(json.dumps(sorted(sys.modules)))\n"
    subprocess.run([sys.executable, "-c", head + code + tail], check=True, cwd=tmp_path, timeout=120)
    return set(json.loads(told.read_text()))


def test_the_worker_of_a_fetch_loads_nothing_heavy(tmp_path: Path) -> None:
    """Its work, in a process prepared as a worker is: a plan is read, an image decoded, a unit written."""
    code = """
from pipeline.media.processes import be_lean
be_lean()
import pyarrow as pa, pyarrow.parquet as pq
from PIL import Image
from manifests import FetchRules, ImageRules
from pipeline.media.stored import PLAN_SCHEMA
from pipeline.media.work import FetchTask, FetchUnits
store, folder = pathlib.Path(out, "store"), pathlib.Path(out, "fetch")
store.mkdir(parents=True)
folder.mkdir()
Image.radial_gradient("L").save(store / "a.jpg")
row = dict.fromkeys(PLAN_SCHEMA.names) | {"host": "h", "lane": "0", "media_id": "m", "address": "a.jpg"}
row |= {"store": str(store), "image_id": "i", "unit": "u"}
pq.write_table(pa.Table.from_pylist([row], PLAN_SCHEMA), folder / "plan.parquet")
rules = FetchRules(), ImageRules(side=64)
FetchUnits(str(folder), *rules)(FetchTask("plan.parquet", (("h", ((0, "u"),)),), store=str(store)))
assert pq.ParquetFile(folder / "media" / "u.parquet").read(columns=["outcome"]).to_pydict() == {"outcome": [None]}
"""
    loaded = loaded_after_a_fetch(tmp_path, code)
    assert "PIL.Image" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_command_loads_what_it_needs_and_no_more(tmp_path: Path) -> None:
    code = """
sys.argv = ["biomill", "fetch", listing, "-o", out, "--contact=a@b.c", "--attempts=1", "--no-robots"]
from pipeline.commands.cli import main
main()
"""
    loaded = loaded_after_a_fetch(tmp_path, code)
    assert "duckdb" in loaded
    assert loaded.isdisjoint({"apache_beam", "pandas", "scipy", "pyarrow.dataset", "jinja2", "requests"})


def test_a_caller_of_the_command_keeps_its_pandas(tmp_path: Path) -> None:
    code = """
from pipeline.commands.cli import main
main(["fetch", listing, "-o", out, "--contact=a@b.c", "--attempts=1", "--no-robots"])
import pyarrow as pa
assert len(pa.table({"a": [1, 2]}).to_pandas()) == 2
"""
    assert "pandas" in loaded_after_a_fetch(tmp_path, code)


def test_the_heavy_modules_are_ones_that_could_be_loaded() -> None:
    """A name that is misspelt, or no longer exists, would be missed by every process."""
    for name in HEAVY:
        assert importlib.util.find_spec(name) is not None, name
