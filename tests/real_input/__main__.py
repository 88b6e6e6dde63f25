"""The pipeline over the real corpus, for a person to look at: `python -m tests.real_input -o DIR`."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.catalog.closing import closing_lines
from pipeline.engine.engine import EngineOptions
from pipeline.run.driver import run
from pipeline.verify import verify
from tests.real_input.prepared import ready
from tests.real_input.released import DATA


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, serve, run, verify, and print the funnel."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_input", description=__doc__)
    parser.add_argument("-o", "--out", type=Path, required=True, help="new folder for corpus and run")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real files")
    parser.add_argument("--eol-rows", type=int, default=0, help="about how many EOL media to take (default: all)")
    parser.add_argument("--frames-percent", type=int, default=100, help="FathomNet frames that are served")
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("biomill").setLevel(logging.INFO)
    out: Path = options.out
    with ready(out / "corpus", options.data, options.eol_rows, options.frames_percent) as real:
        folder = run(real.recipe, out / "run", options=EngineOptions(workers=options.workers))
        hits = sorted(real.server.hits.items())
    lines = [*closing_lines(folder.root, out / "run", real.recipe), "", "answers of the web"]
    lines += [f"  {answer}  {count:,}" for answer, count in hits]
    checks = list(verify(folder.root))
    lines += ["", *(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}" for check in checks)]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0 if all(check.ok for check in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
