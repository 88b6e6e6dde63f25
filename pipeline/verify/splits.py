"""No split leaks into another: neither a group, an occurrence, a medium nor a frame lies in two."""

from __future__ import annotations

from pipeline.splits.select_decisions import split_of
from pipeline.storage.statements import Statements
from pipeline.verify.check import Run, report

_SQL = Statements(__name__)
_TOGETHER = {
    "components": "s.group_id",
    "occurrences": "s.source || ':' || s.occurrence_key",
    "media": "s.media_key",
    "frames": "m.media_id",
}


def splits(run: Run) -> str:
    """What belongs together lies in one split, which is also the shard's and the decision's."""
    for name, column in _TOGETHER.items():
        run.none(_SQL("in_two_splits", together=column), f"{name} in two splits")
    run.none(_SQL("decided_otherwise"), "samples not in the split that was decided")
    run.none(
        "SELECT key, shard, split FROM samples WHERE NOT contains(shard, '-' || split || '-') ORDER BY 1",
        "samples in a shard of another split",
    )
    run.none(_SQL("held_out"), "samples of a species that a benchmark holds out")
    if run.recipe.splits is None:
        _plain(run)
    counts = run.rows("SELECT split, count(*) FROM samples GROUP BY 1 ORDER BY 1")
    return ", ".join(f"{split} {images:,}" for split, images in counts)


def _plain(run: Run) -> None:
    seed, percent = run.recipe.seed, run.recipe.select.validation_percent
    wrong: list[tuple[str, str]] = []
    for batch in run.batches("SELECT group_id, any_value(split) FROM samples GROUP BY 1 ORDER BY 1"):
        wrong += [(group, split) for group, split in batch if split_of(seed, group, percent) != split]
    report("groups not in the split that seed and group decide", wrong)
