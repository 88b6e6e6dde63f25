"""No image is kept that fails what the recipe says of pictures."""

from __future__ import annotations

from pipeline.choosing.pictures import failing_sql
from pipeline.choosing.rules import late_rules, shipped_rules
from pipeline.verify.check import Run
from pipeline.verify.truth import NAMES

_DECISIONS = "read_parquet('select/decisions/*.parquet')"


def pictures(run: Run) -> str:
    """Every kept image is what the conditions on pictures choose, by its measures as fetch took them, and shipped rules
    by what its record states.
    """
    rules = [*shipped_rules(run.recipe), *late_rules(run.recipe)]
    if not rules:
        return "nothing is said of them"
    query = failing_sql(run.folder, run.recipe, _DECISIONS, NAMES, early=True)
    keys = ", ".join(dict.fromkeys(rule.key for rule in rules))
    run.none_of([(query, f"images kept that {keys} does not choose")])
    return f"{len(rules):,} conditions"
