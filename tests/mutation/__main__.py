"""`python -m tests.mutation`: make the product wrong in many small ways, and see whether a test notices each.

What was found is kept in `out/mutants`; the same command goes on where it stopped, and runs again only what may have
changed: a mutant that a test killed while neither has changed stays killed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from tests.mutation.mutant import PACKAGES
from tests.mutation.plan import Plan

ROOT = Path(__file__).parents[2]


def main() -> int:
    """Run what is still to be run, and print the score and the survivors."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="which mutants are drawn (default: 1)")
    parser.add_argument("--sample", type=int, default=400, help="how many, as many of each package (default: 400)")
    parser.add_argument("--packages", nargs="+", default=list(PACKAGES), help="folders to take them from")
    parser.add_argument("--only", default="", help="only mutants of files whose path holds this text")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutants", help="where what was found is kept")
    parser.add_argument("--report", action="store_true", help="run nothing, only print what is known")
    parser.add_argument("--share", default="", help=argparse.SUPPRESS)
    given = parser.parse_args()
    plan = Plan(ROOT, given.out, given.packages, given.seed, given.sample, given.only)
    if given.share:
        phase, number, of = given.share.split("/")
        return plan.work(phase, int(number), int(of))
    if not given.report:
        # One hash seed for all, or the order of sets would decide which test meets a mutant first.
        environment = {**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        for phase in ("baseline", "mutants"):
            command = [sys.executable, "-m", "tests.mutation", *sys.argv[1:], "--share"]
            running = [
                subprocess.Popen([*command, f"{phase}/{number}/{given.workers}"], cwd=ROOT, env=environment)
                for number in range(given.workers)
            ]
            statuses = [process.wait() for process in running]
            if any(statuses):
                print(f"a worker failed in the phase {phase}; what was found so far is kept in {given.out}")
                return 1
    print("\n".join(plan.report()))
    summary = {name: dict(counts) for name, counts in plan.summary().items()}
    (given.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
