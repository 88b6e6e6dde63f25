"""What fetches holds nothing heavy: neither a lean worker, nor the command itself."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

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
from pipeline.engine.lean import be_lean
be_lean()
import pyarrow as pa, pyarrow.parquet as pq
from PIL import Image
from manifests import FetchRules, ImageRules
from pipeline.media.media_schema import PLAN_SCHEMA
from pipeline.media.task import FetchTask, Planned
from pipeline.media.work import FetchUnits
store, folder = pathlib.Path(out, "store"), pathlib.Path(out, "fetch")
store.mkdir(parents=True)
folder.mkdir()
Image.radial_gradient("L").save(store / "a.jpg")
row = dict.fromkeys(PLAN_SCHEMA.names) | {"host": "h", "lane": "0", "media_id": "m", "address": "a.jpg"}
row |= {"store": str(store), "image_id": "i", "unit": "u"}
pq.write_table(pa.Table.from_pylist([row], PLAN_SCHEMA), folder / "plan.parquet")
pq.write_table(pa.Table.from_pylist([Planned("h", "s", "u", 0, 1)._asdict()]), folder / "left.parquet")
rules = FetchRules(), ImageRules(side=64)
FetchUnits(str(folder), *rules)(FetchTask("plan.parquet", "left.parquet", 0, 1, store=str(store)))
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
