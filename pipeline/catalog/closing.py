"""What a run prints last: its funnel, what it lost and what changes that, and where to look; and its exit status."""

from __future__ import annotations

from collections.abc import Generator

from manifests import Recipe
from pipeline.catalog.funnel import funnel_lines
from pipeline.catalog.open import open_catalog
from pipeline.losses.emptiness import ALLOW_EMPTY
from pipeline.losses.run_losses import rows_left, run_losses
from pipeline.media.network_loss import hopeful_lines
from pipeline.model.exit_status import ExitStatus
from pipeline.storage.places import Place
from pipeline.storage.run_folder import STAGES, RunFolder


def closing_lines(
    root: Place, shown: Place, recipe: Recipe, typed: str = "", until: str = STAGES[-1], allow_empty: bool = False
) -> Generator[str, None, ExitStatus]:
    """Yield the last lines of a run, and return its exit status: NOTHING_KEPT where no row is left, else DONE.

    Funnel, what asking again may bring, what was lost of sources that lost most, where the shards are, and what to
    try; a run of which nothing is left has nothing to try. `shown`: the folder as it was typed; `typed`: the command;
    `until`: the last stage that was asked for.
    """
    folder, whole = RunFolder(root), until == STAGES[-1]
    left = rows_left(folder, until)
    if whole:
        yield from funnel_lines(root)
        yield ""
        if typed:
            with open_catalog(root) as con:
                yield from hopeful_lines(con, "ledger", typed)
    losses = list(run_losses(folder, recipe, until))
    if left == 0:
        yield from losses
        yield "nothing was kept" if whole else f"nothing is left after {until}"
        if whole:
            yield f"catalog   {shown / 'catalog.duckdb'} says of every row why"
        if allow_empty:
            return ExitStatus.DONE
        yield ALLOW_EMPTY
        return ExitStatus.NOTHING_KEPT
    if not whole:  # the lines of the stages have just said it
        return ExitStatus.DONE
    yield from losses
    yield f"shards    {shown / 'shards'}"
    yield f"catalog   {shown / 'catalog.duckdb'}"
    yield f"report    {shown / 'report.html'}"
    yield ""
    yield "try"
    yield f'  biomill sql {shown} "SELECT accepted_name, images, sources FROM taxa LIMIT 5"'
    if recipe.benchmarks:
        yield f'  biomill sql {shown} "SELECT benchmark, rule, distance, count(*) FROM leaks GROUP BY ALL ORDER BY ALL"'
    yield f'  biomill sql {shown} "SELECT outcome, meaning FROM outcomes JOIN funnel USING (outcome) GROUP BY ALL"'
    yield f"  biomill verify {shown}"
    return ExitStatus.DONE
