"""No split leaks into another: neither a group, an occurrence, a medium nor a frame lies in two."""

from __future__ import annotations

from pipeline.stages.select import split_of
from pipeline.verify.check import Run, report

_TOGETHER = {
    "components": "s.group_id",
    "occurrences": "s.source || ':' || s.occurrence_key",
    "media": "s.media_key",
    "frames": "m.media_id",
}


def splits(run: Run) -> str:
    """What belongs together lies in one split, which is also the shard's and the decision's."""
    for name, column in _TOGETHER.items():
        run.none(
            f"""SELECT {column} AS it, string_agg(DISTINCT s.split, ' and ' ORDER BY s.split), min(s.key)
                FROM samples s JOIN media m USING (image_id)
                WHERE {column} <> '' AND NOT ends_with({column}, ':') GROUP BY 1
                HAVING count(DISTINCT s.split) > 1 ORDER BY 1""",
            f"{name} in two splits",
        )
    run.none(
        """SELECT s.key, s.split, d.split FROM samples s LEFT JOIN decisions d USING (record_id)
           WHERE d.split IS DISTINCT FROM s.split OR d.group_id IS DISTINCT FROM s.group_id ORDER BY 1""",
        "samples not in the split that was decided",
    )
    run.none(
        "SELECT key, shard, split FROM samples WHERE NOT contains(shard, '-' || split || '-') ORDER BY 1",
        "samples in a shard of another split",
    )
    run.none(
        "SELECT s.key, s.species, h.taxon FROM samples s JOIN names n ON n.accepted_id = s.accepted_id "
        "JOIN held_taxa h ON h.species_id = n.species_id ORDER BY ALL",
        "samples of a species that a benchmark holds out",
    )
    rules = run.recipe
    seed, percent = rules.seed, rules.select.validation_percent
    wrong: list[tuple[str, str]] = []
    for batch in run.batches("SELECT group_id, any_value(split) FROM samples GROUP BY 1 ORDER BY 1"):
        wrong += [(group, split) for group, split in batch if split_of(seed, group, percent) != split]
    report("groups not in the split that seed and group decide", wrong)
    counts = run.rows("SELECT split, count(*) FROM samples GROUP BY 1 ORDER BY 1")
    return ", ".join(f"{split} {images:,}" for split, images in counts)
