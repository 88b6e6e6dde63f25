"""What a fetch of a list lost, and its exit status: no image at all is no success."""

from __future__ import annotations

import argparse
from collections.abc import Generator
from pathlib import Path

import duckdb

from manifests import FetchRules, ImageRules, Recipe
from pipeline.losses.advice import advice
from pipeline.losses.emptiness import nothing
from pipeline.media.progress import STORED
from pipeline.model.exit_status import ExitStatus
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql


def list_losses(
    outcomes: Path, rules: FetchRules, image: ImageRules, args: argparse.Namespace
) -> Generator[str, None, ExitStatus]:
    """Yield the largest loss of a list that lost more than half of its rows, and return the command's exit status.

    `outcomes`: the outcomes.parquet of the fetch. The keys that the line names are those of a recipe's [fetch] and
    [image]; the options of the command have the same names.
    """
    table = f"read_parquet({sql.quote(str(outcomes))})"
    with duckdb.connect() as con:
        rows, stored = con.execute(f"SELECT count(*), count(*) FILTER (outcome = '{STORED}') FROM {table}").fetchall()[
            0
        ]
        if 2 * stored >= rows:
            return ExitStatus.DONE
        lost = f"FROM {table} WHERE outcome <> '{STORED}'"
        code, number = con.execute(
            f"SELECT outcome, count(*) AS n {lost} GROUP BY 1 ORDER BY n DESC, outcome LIMIT 1"
        ).fetchall()[0]
        host, on_host = con.execute(
            f"SELECT coalesce(host, ''), count(*) AS n {lost} AND outcome = ? GROUP BY 1 ORDER BY n DESC, 1 LIMIT 1",
            [code],
        ).fetchall()[0]
    share = "" if on_host == number else f" in {on_host:,}"
    named = f" ({host}{share})" if host else ""
    otherwise = f", {rows - stored - number:,} otherwise" if rows - stored > number else ""
    told = advice(Outcome[code.upper()], Recipe("list", (), fetch=rules, image=image), "list", host)
    if code == Outcome.BAD_URL.code:
        told = "outcomes.parquet says what is wrong with each; --column names the column that holds http(s) addresses"
    line = f"{number:,} of {rows:,} rows ended as {code}{named}{otherwise}; {told}"
    if stored:
        yield line
        return ExitStatus.DONE
    return (yield from nothing("no image was stored", line, args))
