"""What one host bears, and which part of it is for one of several tasks that work at the same time.

Tasks share nothing while they work, so each host's rate and connections are dealt out beforehand, by rules that every
task knows: a host that may have C connections is asked by at most C of the tasks, each with at least one connection
and an equal part of the rate; which ones they are follows from its name. A task that has no part in a host must not
ask it, whatever redirect leads there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from manifests.recipe import FetchRules, HostRules
from pipeline.media.http.guards import DEFAULT_PORTS, specificity, split_port

MAX_THREADS = 64
"""Threads that ask, unless single hosts are allowed more connections than others."""
MOST_THREADS = 256


@dataclass(frozen=True, slots=True)
class HostLimit:
    """What one host bears of one task."""

    rate: float
    """Requests per second."""
    connections: int
    """Open connections; 0: the task must not ask this host."""
    give_up_after: int
    share: float
    """Part (0 to 1) of all that the host bears."""


class HostLimits:
    """The limits of every host for task `part` of `parts`.

    >>> from manifests.recipe import HostRules
    >>> rules = FetchRules(host=(HostRules("*.example.org", rate=500.0, connections=64),))
    >>> HostLimits(rules)("img.example.org")
    HostLimit(rate=500.0, connections=64, give_up_after=20, share=1.0)
    >>> sum(HostLimits(rules, part, 20)("img.example.org").connections for part in range(20))
    64
    >>> sorted(HostLimits(rules, part, 20)("example.org").connections for part in range(20))
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    """

    def __init__(self, rules: FetchRules, part: int = 0, parts: int = 1) -> None:
        self._rules, self._part, self._parts = rules, part, parts

    def __call__(self, name: str) -> HostLimit:
        """Return the limits of a host, which is named as `guards.netloc` does: the port only where it is not usual."""
        rules, whole = self._rules, connections_of(self._rules, name)
        tasks = tasks_of(name, whole, self._parts)
        rate = float(_said(rules, name, "rate", rules.per_host_rate))
        give_up_after = int(_said(rules, name, "give_up_after", rules.give_up_after))
        if self._part not in tasks:
            return HostLimit(rate, 0, give_up_after, 0.0)
        place, number = tasks.index(self._part), len(tasks)
        connections = whole // number + (place < whole % number)
        return HostLimit(rate / number, connections, give_up_after, 1 / number)

    def threads(self, names: set[str]) -> int:
        """Return how many threads may ask these hosts: MAX_THREADS, and more only where their own rules allow more."""
        usual = self._rules.per_host_connections
        wanted = [self(name).connections for name in names]
        more = sum(connections - usual for connections in wanted if connections > usual)
        return max(2, min(MOST_THREADS, MAX_THREADS + more, sum(wanted)))


def connections_of(rules: FetchRules, name: str) -> int:
    """Return how many connections a host may have, over all tasks.

    >>> connections_of(FetchRules(host=(HostRules("a.org:8080", connections=2),)), "a.org:8080")
    2
    """
    return int(_said(rules, name, "connections", rules.per_host_connections))


def fewest_connections(rules: FetchRules) -> int:
    """Return the connections of the host that bears fewest: so many tasks may all ask every host.

    >>> fewest_connections(FetchRules(host=(HostRules("a.org", connections=2), HostRules("b.org", rate=1.0))))
    2
    """
    named = [each.connections for each in rules.host if each.connections is not None]
    return min([rules.per_host_connections, *named])


def tasks_of(name: str, connections: int, parts: int) -> list[int]:
    """Return the tasks of `parts` that may ask a host, in the order in which its work is dealt to them.

    >>> sorted(tasks_of("example.org", 8, 4)), len(tasks_of("example.org", 8, 20))
    ([0, 1, 2, 3], 8)
    """
    first = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") % parts
    return [(first + place) % parts for place in range(min(parts, connections))]


def _said(rules: FetchRules, name: str, key: str, otherwise: float) -> float:
    """Return what the most specific pattern that names a host says of a key."""
    found = [
        (specificity(each.pattern), -value)
        for each in rules.host
        if (value := getattr(each, key)) is not None and _names(each, name)
    ]
    # Where http and https have a rule each and share a host's turn, the host bears what the stricter one says.
    return -max(found)[1] if found else otherwise


def _names(rules: HostRules, name: str) -> bool:
    pattern, wanted = split_port(rules.pattern.lower())
    host, port = split_port(name)
    if wanted is not None and (wanted != port if port is not None else wanted not in DEFAULT_PORTS.values()):
        return False
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))
