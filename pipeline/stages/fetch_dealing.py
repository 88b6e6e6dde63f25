"""Dealing the units of a plan to tasks.

Which units are worked off together depends on the workers, and changes nothing that is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle

from manifests import FetchRules
from pipeline.media.http.limits import connections_of, fewest_connections, tasks_of
from pipeline.media.task import FetchTask, Planned
from pipeline.stages.fetch_plan import plan_name, write_units
from pipeline.storage.files.atomic import TEMPORARY_PREFIX
from pipeline.storage.places import Place

UNKNOWN_WORKERS = 16
"""Tasks where neither the recipe nor the runner says how many workers there are."""


def passes(rules: FetchRules, workers: int) -> tuple[int, int]:
    """Return over how many tasks units are dealt, and over how many those that the first pass left unfinished.

    A task leaves a medium to others when a redirect leads to a host in which it has no part. In the second pass there
    are no more tasks than any host may have connections, so every task has a part in every host. `workers`: how many
    there are; 0: nobody knows.

    >>> passes(FetchRules(), 20), passes(FetchRules(lanes=4), 20), passes(FetchRules(), 0)
    ((20, 8), (4, 4), (16, 8))
    """
    wanted = rules.lanes or workers or UNKNOWN_WORKERS
    first = min(wanted, workers) if workers else wanted
    return first, min(first, fewest_connections(rules))


def tasks(
    folder: Place,
    round_: str,
    units: Sequence[Planned],
    reuse: str,
    stores: Mapping[str, str],
    rules: FetchRules,
    parts: int,
) -> list[FetchTask]:
    """Return the tasks: the units of every host dealt to those that may ask it, each unit of a local store alone.

    Which units are whose is written into the folder as one table, of which a task has a stretch.

    >>> import tempfile
    >>> from pathlib import Path
    >>> units = [Planned("a.org", "", "u", 0, 9), Planned("a.org", "", "v", 9, 9), Planned("b.org", "", "w", 18, 1)]
    >>> folder = Path(tempfile.mkdtemp())
    >>> [task] = tasks(folder, "0", units, "", {}, FetchRules(), parts=1)
    >>> [(host, [each.unit for each in queue]) for host, queue in task.queues(folder)]
    [('a.org', ['u', 'v']), ('b.org', ['w'])]
    """
    dealt: dict[int, dict[str, list[Planned]]] = {}
    alone: list[Planned] = []
    askers: dict[str, Iterator[int]] = {}
    for unit in units:
        if unit.store:
            alone.append(unit)  # a local store asks for no politeness
            continue
        if unit.host not in askers:
            askers[unit.host] = cycle(tasks_of(unit.host, connections_of(rules, unit.host), parts))
        dealt.setdefault(next(askers[unit.host]), {}).setdefault(unit.host, []).append(unit)
    plan, left = plan_name(round_), left_name(round_)
    found = [FetchTask(plan, left, first, 1, store=stores[unit.store]) for first, unit in enumerate(alone)]
    queued = alone
    for part, hosts in sorted(dealt.items()):
        first = len(queued)
        # The longest queue first: it is the one that the end of the run waits for.
        for _, queue in sorted(hosts.items(), key=lambda item: (-len(item[1]), item[0])):
            queued += queue
        found.append(FetchTask(plan, left, first, len(queued) - first, part, parts, reuse=reuse))
    write_units(folder / left, queued)
    return found


def idle_workers(rules: FetchRules, units: Sequence[Planned], found: Sequence[FetchTask], workers: int) -> str:
    """Return a line of progress that says why workers have nothing to do; empty where all have, or work is short.

    >>> units = [Planned("a.org", "", str(number), number, 1) for number in range(40)]
    >>> idle_workers(FetchRules(), units, [FetchTask("", "", 5 * part, 5, part, 16) for part in range(8)], 16)
    'fetch: 8 of 16 workers have nothing to do: a host is asked by as many as it may have connections (8)'
    """
    idle = min(workers, len(units)) - len(found)
    if idle <= 0:
        return ""
    line = f"fetch: {workers - len(found)} of {workers} workers have nothing to do: "
    if 0 < rules.lanes < workers:
        return line + f"fetch.lanes is {rules.lanes}; leave it out, or set it to {workers}"
    most = max(connections_of(rules, unit.host) for unit in units if not unit.store)
    return line + f"a host is asked by as many as it may have connections ({most})"


def left_name(round_: str) -> str:
    """Return the name of the table of the units that are left of a round, which lives as long as they are dealt so."""
    return f"{TEMPORARY_PREFIX}left-{round_}.parquet"
