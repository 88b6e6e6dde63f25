"""Whether the network is lost, or only some hosts are: what is about us must never be written as the fault of a host.

A request that fails for want of a resolver, a route or the proxy *strikes* its host. The host is then left alone for a
growing pause and asked again, at no cost of attempts, and a further strike is the host's own only if that channel was
seen to work in between. To see it where nobody else is being asked, a host that answered before is looked up, or
knocked at (`pipeline.media.http.control`). A weak sign, such as a name that does not exist, is the host's own at the
second strike unless many unrelated hosts show it at once.

While many unrelated hosts are struck, nobody is asked but a few scouts after each pause, and hosts that answer all the
same. After `patience` seconds in which no host answered, NetworkLostError ends the fetch. Methods are called under the
scheduler's lock; times are of `time.monotonic`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.media.http.known_hosts import NEVER, KnownHosts
from pipeline.media.http.reachability import Channel, Evidence, domain
from pipeline.model.errors import NetworkLostError

MANY = 3
"""Unrelated hosts that must be struck at once for a weak sign, or a pause of all asking."""
FIRST_PAUSE = 1.0
"""Seconds before a struck host is asked again: what was heard just before the network went does not speak for it."""
_LONGEST_PAUSE = 30.0
_SHORTEST_PAUSE = 0.05
_SCOUTS = 8
_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Strike:
    """The latest strike of a host, and how many there were since its channel last worked."""

    channel: Channel
    first: float
    at: float
    count: int
    reason: str
    domain: str


class Outage:
    """The judge of one scheduler.

    `known`: what worked, shared with the other processes of the fetch. `tell` is called with a sentence when a pause
    begins or goes on, and with an empty one when it is over.

    >>> outage = Outage(300.0, KnownHosts(None), print)
    >>> lost = Evidence(failed=Channel.RESOLVER, reason="a.org: no answer")
    >>> outage.strike("a.org", lost, now=10.0)
    paused, for the network seems lost: the resolver fails for 1 host (a.org: no answer); asking again in 1 s
    11.0
    >>> outage.hear("b.org", Evidence({Channel.RESOLVER: 10.5}), answered=True, now=10.6)
    <BLANKLINE>
    True
    >>> outage.strike("a.org", lost, now=11.0) is None
    True
    """

    def __init__(self, patience: float, known: KnownHosts, tell: Callable[[str], None]) -> None:
        self.known = known
        self._patience, self._tell = patience, tell
        self._worked: dict[Channel, float] = {}
        self._heard: dict[str, float] = {}
        self._held: dict[str, _Strike] = {}
        self._own: dict[str, float] = {}
        self._scouts, self._opens, self._pause = 0, 0.0, FIRST_PAUSE
        self._told, self._said, self._looked = False, NEVER, NEVER

    def forget(self) -> None:
        """Drop the strikes of media that are not asked for any more, but nothing that worked."""
        self._held.clear()
        self._relieved()

    def hear(self, host: str, shown: Evidence, answered: bool, now: float) -> bool:
        """Note what worked for a request, and whether its host answered; return whether that ends a pause."""
        for channel, at in shown.worked.items():
            self._worked[channel] = max(at, self._worked.get(channel, NEVER))
        self.known.worked(shown.worked)
        if answered:
            self._held.pop(host, None)
            self._own.pop(host, None)
            self.known.heard()
            if self._held:
                self._heard[host] = now
        return self._relieved()

    def looks(self, now: float) -> bool:
        """Whether it is time to look for a host that answered before; at most once a second."""
        if now - self._looked < FIRST_PAUSE:
            return False
        self._looked = now
        return True

    def found(self, channel: Channel, now: float) -> None:
        """Note that a host that answered before was found again: the channel works."""
        self._worked[channel] = now
        self.known.worked((channel,))

    def strike(self, host: str, shown: Evidence, now: float, began: float | None = None) -> float | None:
        """Return until when a struck host is left alone; None when its failure is its own, or there was none.

        `began`: when the request began; one that was on its way at the last strike of its host is no further one.
        Raises NetworkLostError when nobody has answered for `patience` seconds.
        """
        if shown.failed is None:
            return None
        channel, last = shown.failed, self._held.get(host)
        before = last.at if last else self._own.get(host, NEVER)
        if began is not None and began < before:
            return now + FIRST_PAUSE if last else None
        struck = before > NEVER
        worked = struck and self._last_worked(channel, now) > before
        again = last is not None and not worked
        first, count = (last.first, last.count + 1) if last and again else (now, 1)
        self._held[host] = _Strike(channel, first, now, count, shown.reason, domain(host))
        weak = struck and not shown.strong and len(self._domains(channel)) < MANY
        if worked or weak:
            del self._held[host]
            self._own[host] = now
            self._relieved()
            return None
        waited = now - max(self._since(), self.known.last_heard(now))
        if shown.hopeless and self._worked.get(channel, NEVER) == NEVER:
            raise NetworkLostError(
                f"the network is lost: nobody can be asked: {shown.reason}",
                remedy="mend it; the same command goes on from here, and what was fetched is kept",
            )
        if waited >= self._patience and count > 1:
            raise self._lost(channel, waited)
        growing = FIRST_PAUSE * 2.0 ** min(count - 1, 10)
        pause = max(_SHORTEST_PAUSE, min(_LONGEST_PAUSE, growing, self._patience - waited))
        self._say(channel, shown.reason, pause, now)
        return now + pause

    def admits(self, host: str, now: float) -> float:
        """Return 0 when a host may be asked now, else the time at which it may try again."""
        if len(self._held) < MANY:
            return 0.0
        live = self._live()
        if len({strike.domain for strike in live}) < MANY:
            return 0.0
        if self._heard.get(host, NEVER) > min(strike.first for strike in live):
            return 0.0
        if now < self._opens:
            return self._opens
        if self._scouts < _SCOUTS:
            self._scouts += 1
            return 0.0
        self._scouts, self._opens = 0, now + self._pause
        self._pause = min(_LONGEST_PAUSE, 2 * self._pause, max(_SHORTEST_PAUSE, self._patience / 4))
        return self._opens

    def _last_worked(self, channel: Channel, now: float) -> float:
        """Return when a channel last worked, for this process or another one."""
        self._worked[channel] = max(self._worked.get(channel, NEVER), self.known.last_worked(channel, now))
        return self._worked[channel]

    def _live(self) -> list[_Strike]:
        """Return the strikes that nothing has spoken against."""
        return [strike for strike in self._held.values() if strike.at >= self._worked.get(strike.channel, NEVER)]

    def _domains(self, channel: Channel) -> set[str]:
        return {strike.domain for strike in self._live() if strike.channel is channel}

    def _relieved(self) -> bool:
        """End the pause if no strike speaks for it any more; return whether it ended."""
        if not self._told or self._live():
            return False
        self._told = False
        self._heard.clear()
        self._scouts, self._opens, self._pause = 0, 0.0, FIRST_PAUSE
        self._tell("")
        return True

    def _since(self) -> float:
        """Return when the last answer came since the first strike, or that strike."""
        return max(min(strike.first for strike in self._live()), max(self._heard.values(), default=NEVER))

    def _say(self, channel: Channel, reason: str, pause: float, now: float) -> None:
        if self._told and now - self._said < FIRST_PAUSE:
            return
        hosts = sum(strike.channel is channel for strike in self._live())
        self._told, self._said = True, now
        self._tell(
            f"paused, for the network seems lost: {channel.value} fails for {hosts:,} "
            f"{'host' if hosts == 1 else 'hosts'} ({reason}); asking again in {pause:.0f} s"
        )

    def _lost(self, channel: Channel, waited: float) -> NetworkLostError:
        live = [strike for strike in self._live() if strike.channel is channel]
        reasons = sorted({strike.reason for strike in live})
        more = f"; and {len(reasons) - _NAMED:,} more" if len(reasons) > _NAMED else ""
        return NetworkLostError(
            f"the network is lost: {channel.value} failed {sum(strike.count for strike in live):,} times for "
            f"{len(live):,} {'host' if len(live) == 1 else 'hosts'}, and nobody answered for {waited:.0f} s",
            where="; ".join(reasons[:_NAMED]) + more,
            remedy="mend the connection; the same command goes on from here, and what was fetched is kept",
        )
