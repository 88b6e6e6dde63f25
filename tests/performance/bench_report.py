"""What the report costs as kept images grow: CPU seconds, peak memory in a process of its own, bytes of the page.

    python -m tests.performance.bench_report [SIZE ...] [--model RUN] [--folder FOLDER] [--sections]

Runs of every size are drawn (`drawn_runs`), and `biomill report` makes the report of each. Where the last two sizes lie
a factor apart, the line through them says what 214 M images would take. `--sections` prints each section's seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.performance.bench_verify import peak_mb
from tests.performance.drawn_runs import drawn_run

SIZES = (1_000, 100_000, 1_000_000)
LARGEST = 214_000_000
"""Images of TreeOfLife-200M."""


def one(root: Path, sections: bool) -> None:
    """Make the report of a run; print what it cost as JSON, before it what each section did."""
    from pipeline.commands.cli import main as biomill

    before = time.process_time()
    if sections:
        _told(root)
    elif biomill(["report", str(root)]):
        raise SystemExit(1)
    spent = time.process_time() - before
    print(json.dumps({"cpu_s": spent, "peak_mb": peak_mb(), "bytes": (root / "report.html").stat().st_size}))


def _told(root: Path) -> None:
    from pipeline.cards.sections import Asked, sections_of
    from pipeline.cards.write import bound
    from pipeline.catalog import open_catalog
    from pipeline.storage.run_folder import RunFolder

    recipe = RunFolder(root).recipe()
    with open_catalog(root) as con:
        bound(con, recipe)
        before = time.process_time()
        for section in sections_of(Asked(con, root, recipe)):
            now = time.process_time()
            print(f"{section.id:<12} {now - before:>7.2f} CPU s {peak_mb():>6.0f} MB")
            before = now


def child(root: Path, *more: str) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "tests.performance.bench_report", "--one", str(root), *more]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    if more:
        print(*said[:-1], sep="\n")
    found: dict[str, float] = json.loads(said[-1])
    return found


def main() -> None:
    """Draw every size, make its report, and print a line each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("sizes", type=int, nargs="*", default=SIZES, help="kept images")
    parser.add_argument("--model", type=Path, help="a finished run that lends its pictures; default: the demo is run")
    parser.add_argument("--folder", type=Path, help="where the runs lie and stay; a temporary folder without it")
    parser.add_argument("--sections", action="store_true", help="what each section takes, too")
    parser.add_argument("--one", type=Path, help="make the report of this run in this process")
    given = parser.parse_args()
    if given.one:
        one(given.one, given.sections)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        model = given.model or _demo(Path(temporary) / "demo")
        found = []
        for size in given.sizes:
            root = folder / str(size)
            if not root.exists():
                drawn_run(root, size, model)
            cost = child(root)
            budget = _budget(root)
            print(
                f"{size:>11,} images {cost['cpu_s']:>7.1f} CPU s {1e6 * cost['cpu_s'] / size:>8.1f} us each "
                f"{cost['peak_mb']:>6.0f} MB peak ({cost['peak_mb'] - budget:+.0f} beside memory_mb) "
                f"{cost['bytes']:>9,.0f} bytes of page",
                flush=True,
            )
            if given.sections:
                child(root, "--sections")
            found.append((size, cost["cpu_s"]))
        if len(found) > 1:
            (few, less), (many, more) = found[-2:]
            at_largest = more + (more - less) / (many - few) * (LARGEST - many)
            print(f"{LARGEST:>11,} images {at_largest:>7,.0f} CPU s, if the line through the last two goes on")


def _budget(root: Path) -> int:
    from pipeline.storage.run_folder import RunFolder

    return RunFolder(root).recipe().limits.memory_mb


def _demo(folder: Path) -> Path:
    from pipeline.demo.run import run_demo
    from pipeline.engine.engine import EngineOptions

    list(run_demo(folder, 17, 0, "catalog", EngineOptions()))
    return folder / "run"


if __name__ == "__main__":
    main()
