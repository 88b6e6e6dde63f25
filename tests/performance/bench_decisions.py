"""What likeness costs as the number of candidates grows: CPU and bytes a candidate, and the peak of the whole stage.

Twice over. The decision alone gets arrays of drawn records, of which some share a picture, some are near others, some
contradict them and some leak; its bytes are those that Python and NumPy allocate, with those of what it is given. The
whole stage gets the folder of a run as fetch leaves it, in a process of its own. Ratios are to the smallest size.

    python -m tests.performance.bench_decisions [SIZE ...]      # 100 k and 1 M candidates unless sizes are given
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from pipeline.engine.engine import Engine
from pipeline.engine.meter import metered
from pipeline.likeness.decisions import DecisionRules, Decisions
from pipeline.likeness.duplicates import decide_duplicates
from pipeline.likeness.records.groups import find_groups
from pipeline.stages.likeness import Likeness
from tests.performance.arrived import arrived
from tests.performance.drawn_records import Drawn, drawn

RULES = DecisionRules(lower=True)


def decided(given: Drawn) -> Decisions:
    """Decide drawn records, and bring them into groups."""
    decisions, cluster = decide_duplicates(given.candidates, given.node, given.edges, given.leaks, RULES)
    find_groups(cluster, {"occurrence": given.occurrence}, given.by_id)
    return decisions


def bytes_at_once(given: Drawn, work: Callable[[Drawn], object] = decided) -> float:
    """Return the bytes a record that deciding takes at its peak, those of what it is given among them."""
    tracemalloc.start()
    try:
        made = work(given)
        peak = tracemalloc.get_traced_memory()[1]
        del made
    finally:
        tracemalloc.stop()
    return (peak + given.nbytes) / len(given.candidates)


def decision_alone(sizes: list[int]) -> None:
    """Print a line per size of the decision."""
    least = 0.0
    for size in sizes:
        given = drawn(size)
        began = time.process_time()
        decisions = decided(given)
        each = 1e6 * (time.process_time() - began) / size
        least = least or each
        held = (decisions.nbytes + given.candidates.nbytes + given.node.nbytes) / size
        print(
            f"decision {size:>11,} candidates {each:>7.2f} us each (x {each / least:.2f}), {held:.0f} bytes each held, "
            f"{bytes_at_once(given):.0f} at once",
            flush=True,
        )


def whole_stage(size: int) -> None:
    """Print what the stage takes for one size."""
    with tempfile.TemporaryDirectory() as temporary:
        context = arrived(Path(temporary), size)
        with Engine() as engine, metered() as cost:
            Likeness().run(context, engine)
        beside = cost.peak_rss_mb - context.recipe.limits.memory_mb
        print(
            f"stage    {size:>11,} candidates {1e6 * cost.cpu_s / size:>7.2f} us each, "
            f"{cost.peak_rss_mb:,.0f} MB peak, {beside:+,.0f} beside limits.memory_mb",
            flush=True,
        )


def main() -> None:
    """Run all sizes, the stage each in its own process."""
    if len(sys.argv) > 2 and sys.argv[1] == "--stage":
        whole_stage(int(sys.argv[2]))
        return
    sizes = [int(text) for text in sys.argv[1:]] or [100_000, 1_000_000]
    decision_alone(sizes)
    for size in sizes:
        subprocess.run([sys.executable, "-m", "tests.performance.bench_decisions", "--stage", str(size)], check=True)


if __name__ == "__main__":
    main()
