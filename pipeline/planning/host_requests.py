"""Who would be asked, how often, at which rate, and how long that takes.

The recipe's own limits decide (`pipeline.media.http.limits`): a host is asked at its rate however many workers there
are, so the fetch lasts as long as the slowest host, unless decoding on so many workers takes longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests import FetchRules
from pipeline.media.http.limits import HostLimits
from pipeline.planning.picture_bytes import ASSUMED_PIXELS, decode_seconds
from pipeline.planning.plan_facts import Fetching, HostRequests, StoreMedia
from pipeline.storage.statements import Statements

if TYPE_CHECKING:
    import duckdb

_SQL = Statements(__name__)


def fetching(con: duckdb.DuckDBPyConnection, rules: FetchRules, workers: int) -> Fetching:
    """Return what the fetch asks of whom, of the table `planned_media` of a connection."""
    limits = HostLimits(rules)
    hosts = []
    for name, requests, mirrored in con.execute(_SQL("hosts")).fetchall():
        limit = limits(name)
        hosts.append(
            HostRequests(name, requests, mirrored, limit.rate, limit.connections, round(requests / limit.rate, 3))
        )
    hosts.sort(key=lambda each: (-each.seconds, each.host))
    stores = tuple(StoreMedia(*row) for row in con.execute(_SQL("stores")).fetchall())
    first, later, pixels = con.execute(_SQL("media", assumed=ASSUMED_PIXELS)).fetchall()[0]
    decoding = round(decode_seconds(first, pixels), 3)
    slowest = hosts[0] if hosts and hosts[0].requests else None
    seconds = max(slowest.seconds if slowest else 0.0, decoding / workers)
    return Fetching(
        media=first,
        not_asked_first=later,
        requests=sum(each.requests for each in hosts),
        hosts=tuple(hosts),
        stores=stores,
        slowest=slowest.host if slowest else None,
        workers=workers,
        decode_seconds=decoding,
        seconds=round(seconds, 3),
    )
