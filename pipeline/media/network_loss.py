"""How a fetch without a network ends: with what is still to be asked, and never as a finished one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

import duckdb

from pipeline.media.progress import Tally
from pipeline.model.errors import NetworkLostError
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.places import Place, matching

UNREACHED = (Outcome.DNS_FAILED.code, Outcome.CONNECT_FAILED.code, Outcome.TIMEOUT.code)
"""Outcomes of media whose host was not reached: all that a fetch brings which had no network and did not notice."""


def retry_command(typed: str, outcomes: Sequence[str]) -> str:
    """Return what was typed as the command that asks again for what ended so.

    >>> retry_command("biomill fetch a.csv -o out --retry=timeout", ["dns_failed", "throttled"])
    'biomill fetch a.csv -o out --retry dns_failed,throttled'
    """
    kept: list[str] = []
    words = iter(shlex.split(typed))
    for word in words:
        if word == "--retry":
            next(words, None)
        elif not word.startswith("--retry="):
            kept.append(word)
    return f"{shlex.join(kept)} --retry {','.join(outcomes)}"


def hopeful_lines(con: duckdb.DuckDBPyConnection, rows: str, typed: str) -> Iterator[str]:
    """Yield the command that asks again for what another attempt may bring; no line when there is nothing.

    `rows`: a FROM clause with the outcome of every row.
    """
    hopeful = sql.in_list([outcome.code for outcome in Outcome if outcome.info.retryable])
    found = con.execute(f"SELECT outcome, count(*) FROM {rows} WHERE outcome IN {hopeful} GROUP BY 1 ORDER BY 1")
    counts = found.fetchall()
    if counts:
        number = sum(count for _, count in counts)
        yield f"{number:,} rows may come when asked again: {retry_command(typed, [code for code, _ in counts])}"


def clear_pauses(folder: Place) -> None:
    """Remove what killed fetchers of a folder noted of their pauses; nobody may be fetching into it."""
    for path in matching(folder / "network", "pause-*.json"):
        path.unlink(missing_ok=True)


def still_to_ask(folder: Place, error: NetworkLostError) -> NetworkLostError:
    """Return the error with how many images of a fetch's folder are still to be asked for.

    >>> import tempfile
    >>> from pathlib import Path
    >>> print(still_to_ask(Path(tempfile.mkdtemp()), NetworkLostError("the network is lost", remedy="mend it")))
    the network is lost; 0 of 0 images are still to be asked for
      remedy: mend it
    """
    tally = Tally(folder)
    tally.refresh()
    planned = sum(tally.planned.values())
    left = planned - sum(tally.counts().values())
    what = f"{error.what}; {left:,} of {planned:,} images are still to be asked for"
    return NetworkLostError(what, where=error.where, expected=error.expected, remedy=error.remedy)


def nobody_answered(con: duckdb.DuckDBPyConnection, media: str) -> NetworkLostError | None:
    """Return the error of a fetch in which not one host was reached; None when one was, or nobody was asked.

    `media`: a FROM clause with host and outcome of every image; what came from local stores does not count.

    >>> media = "(VALUES ('a.org', 'dns_failed'), ('a.org', 'timeout'), ('store:x', NULL)) m(host, outcome)"
    >>> print(nobody_answered(duckdb.connect(), media))
    the network is lost, or every host is: none of 1 host was reached
      where:  dns_failed 1, timeout 1
      remedy: see that names can be looked up and hosts reached from here, then run the same command again
    """
    asked = f"FROM {media} WHERE host NOT LIKE 'store:%'"
    counts = con.execute(f"SELECT coalesce(outcome, ''), count(*) {asked} GROUP BY 1 ORDER BY 1").fetchall()
    if not counts or any(outcome not in UNREACHED for outcome, _ in counts):
        return None
    hosts = sql.scalar(con, f"SELECT count(DISTINCT host) {asked}")
    return NetworkLostError(
        f"the network is lost, or every host is: none of {hosts:,} {'host' if hosts == 1 else 'hosts'} was reached",
        where=", ".join(f"{code} {number:,}" for code, number in counts),
        remedy="see that names can be looked up and hosts reached from here, then run the same command again",
    )
