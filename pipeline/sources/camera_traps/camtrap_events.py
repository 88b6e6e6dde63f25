"""Labels of whole events: which media of a deployment an event covers, and what its observations say together.

An event covers the media that name it as their sequence, or, where media name none, those taken between its start and
end. Which animal of an event is on which frame is not known: observations that agree label the event's media, those
that disagree leave them without a name; a person in an event is a person on all its media.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.model.outcomes import Outcome
from pipeline.sources.camera_traps.deployments import outcome_of


@dataclass(frozen=True, slots=True)
class Event:
    """One observation of a whole event."""

    deployment: str
    key: str
    """Its eventID (sequenceID in version 0.1); empty: it has none."""
    start: float
    end: float
    """Seconds since 1970, both included; NaN where there is none."""
    label: tuple[str, str]
    """observationType and scientificName."""
    method: str = ""
    """classificationMethod."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One medium."""

    deployment: str
    key: str
    """The event or sequence that it names itself; empty: none."""
    time: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the events that cover a medium say of it."""

    key: str
    label: tuple[str, str]
    method: str
    agreed: bool


def instant(text: str) -> float:
    """Read an ISO 8601 time as seconds since 1970; one without an offset is UTC; NaN for what is none.

    >>> instant("2020-05-30T04:57:37+02:00") == instant("2020-05-30T02:57:37Z")
    True
    >>> instant("2020-07-29TT05:29:41Z")
    nan
    """
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError:
        return math.nan
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def judge(events: Sequence[Event]) -> Verdict:
    """Return what several observations of the same time say together; the order in which they come does not matter.

    >>> verdict = judge([Event("d", "e", 0, 1, ("animal", "Ardea")), Event("d", "e", 0, 1, ("animal", "Anas"))])
    >>> verdict.label, verdict.agreed
    (('', ''), False)
    """
    labels = Counter(event.label for event in events)
    methods = {event.method for event in events}
    return _verdict(labels, min(event.key for event in events), methods.pop() if len(methods) == 1 else "")


def _verdict(labels: Counter[tuple[str, str]], key: str, method: str) -> Verdict:
    if len(labels) == 1:
        return Verdict(key, next(iter(labels)), method, True)
    people = any(outcome_of(*label) is Outcome.HUMAN for label in labels)
    return Verdict(key, ("human", "") if people else ("", ""), method, False)


def label_frames(frames: Sequence[Frame], events: Sequence[Event]) -> list[Verdict | None]:
    """Return, for each medium, what the events that cover it say; None where none does.

    Frames that name an event are looked up; the others are met in one sweep over time for each deployment.
    """
    by_key: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        if event.key:
            by_key.setdefault((event.deployment, event.key), []).append(event)
    judged = {place: judge(found) for place, found in by_key.items()}
    verdicts: list[Verdict | None] = [judged.get((frame.deployment, frame.key)) for frame in frames]
    waiting = [i for i, frame in enumerate(frames) if verdicts[i] is None and not math.isnan(frame.time)]
    windows: dict[str, list[Event]] = {}
    for event in events:
        if not (math.isnan(event.start) or math.isnan(event.end)):
            windows.setdefault(event.deployment, []).append(event)
    for found in windows.values():
        found.sort(key=lambda event: (event.start, event.end, event.key, event.label, event.method))
    at = dict.fromkeys(windows, 0)
    running: dict[str, list[tuple[float, int]]] = {name: [] for name in windows}
    labels: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in windows}
    for i in sorted(waiting, key=lambda index: frames[index].time):
        frame = frames[i]
        name, found = frame.deployment, windows.get(frame.deployment, [])
        while found and at[name] < len(found) and found[at[name]].start <= frame.time:
            insort(running[name], (found[at[name]].end, at[name]))
            labels[name][found[at[name]].label] += 1
            at[name] += 1
        over = bisect_left(running[name], (frame.time, -1)) if found else 0
        for _, place in running[name][:over] if found else ():
            labels[name][found[place].label] -= 1
        if over:
            del running[name][:over]
            labels[name] = +labels[name]
        if found and running[name]:
            longest = found[running[name][-1][1]]
            verdicts[i] = _verdict(labels[name], longest.key, longest.method)
    return verdicts


def covering(frames: Sequence[Frame], events: Sequence[Event], named: frozenset[tuple[str, str]]) -> list[bool]:
    """Return which events have at least one medium; `named`: the (deployment, event) pairs of media labels."""
    keys = named | {(frame.deployment, frame.key) for frame in frames if frame.key}
    times: dict[str, list[float]] = {}
    for frame in frames:
        if not math.isnan(frame.time):
            times.setdefault(frame.deployment, []).append(frame.time)
    for found in times.values():
        found.sort()

    def covers(event: Event) -> bool:
        if event.key and (event.deployment, event.key) in keys:
            return True
        taken = times.get(event.deployment, [])
        place = bisect_left(taken, event.start) if not math.isnan(event.start) else len(taken)
        return place < len(taken) and taken[place] <= event.end

    return [covers(event) for event in events]
