"""The leaks of many records as arrays: which held-out item each one leaks, by which rule, and how near."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.likeness.leak_rules import DOUBTFUL, LEAK_PAIR, Leak
from pipeline.likeness.records.candidates import Rows, row_type

RULES = ("bytes", "pixels", "hamming", "phash", LEAK_PAIR, DOUBTFUL, "occurrence")
"""By which a record leaks: from content on the strongest evidence first."""
Bits = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True, eq=False)
class RecordLeaks(Mapping[int, Leak]):
    """Records that leak, by number, with one leak each; also a mapping from records to leaks.

    `record`: ascending. `item`: place in `names`, (benchmark, item) each. `rule`: place in RULES. `distance`,
    `variant`, `phash_distance`: as of a `Leak`.
    """

    record: Rows
    item: npt.NDArray[np.int32]
    rule: npt.NDArray[np.uint8]
    distance: Bits
    variant: Bits
    phash_distance: Bits
    names: Sequence[tuple[str, str]]

    @staticmethod
    def of(leaks: Mapping[int, Leak]) -> RecordLeaks:
        """Take leaks by record.

        >>> leaks = RecordLeaks.of({7: Leak("b", "x", "hamming", 4, 0), 3: Leak("b", "x", "bytes", 0, 0)})
        >>> leaks.record.tolist(), leaks[7].distance, 5 in leaks
        ([3, 7], 4, False)
        """
        if isinstance(leaks, RecordLeaks):
            return leaks
        names: dict[tuple[str, str], int] = {}
        rows = [
            (
                *(record, names.setdefault((leak.benchmark, leak.item), len(names)), RULES.index(leak.rule)),
                *(leak.distance, leak.variant, leak.phash_distance),
            )
            for record, leak in sorted(leaks.items())
        ]
        record, item, rule, distance, variant, phash = np.array(rows, np.int64).reshape(-1, 6).T
        bits = (distance.astype(np.int16), variant.astype(np.int16), phash.astype(np.int16))
        return RecordLeaks(record, item.astype(np.int32), rule.astype(np.uint8), *bits, list(names))

    def __len__(self) -> int:
        return len(self.record)

    def __iter__(self) -> Iterator[int]:
        return iter(self.record.tolist())

    def __getitem__(self, record: int) -> Leak:
        """Return the leak of a record; KeyError: it leaks nothing."""
        place = int(self.places(np.array([record]))[0])
        if place < 0:
            raise KeyError(record)
        benchmark, item = self.names[self.item[place]]
        bits = int(self.distance[place]), int(self.variant[place]), int(self.phash_distance[place])
        return Leak(benchmark, item, RULES[self.rule[place]], *bits)

    def places(self, records: Rows) -> npt.NDArray[np.int64]:
        """Return the place of each record among the leaks, -1: it leaks nothing."""
        at = np.searchsorted(self.record, records)
        answer = np.full(len(records), -1, np.int64)
        inside = np.flatnonzero(at < len(self.record))
        inside = inside[self.record[at[inside]] == records[inside]]
        answer[inside] = at[inside]
        return answer

    def of_rule(self, rule: str) -> npt.NDArray[np.bool_]:
        """Return which of the leaks are by that rule."""
        answer: npt.NDArray[np.bool_] = self.rule == RULES.index(rule)
        return answer

    def name(self, place: int) -> str:
        """Return the held-out item of a leak as BENCHMARK/ITEM."""
        return "/".join(self.names[self.item[place]])

    def spread(self, image: Rows) -> RecordLeaks:
        """Return the leaks of records whose images leak: `image[i]` is the number, here, of record i's image.

        >>> RecordLeaks.of({2: Leak("b", "x", "bytes", 0, 0)}).spread(np.array([2, 0, 2])).record.tolist()
        [0, 2]
        """
        if not len(self):
            return self
        place = np.full(1 + max(int(image.max(initial=0)), int(self.record.max())), -1, row_type(len(self)))
        place[self.record] = np.arange(len(self))
        at = place[image]
        record = np.flatnonzero(at >= 0)
        at = at[record]
        bits = (self.distance[at], self.variant[at], self.phash_distance[at])
        return RecordLeaks(record, self.item[at], self.rule[at], *bits, self.names)

    def joined(self, more: RecordLeaks) -> RecordLeaks:
        """Return these leaks and those of further records."""
        record = np.concatenate([self.record, more.record])
        order = np.argsort(record, kind="stable")
        item = np.concatenate([self.item, more.item + np.int32(len(self.names))])
        return RecordLeaks(
            record[order],
            item[order],
            np.concatenate([self.rule, more.rule])[order],
            np.concatenate([self.distance, more.distance])[order],
            np.concatenate([self.variant, more.variant])[order],
            np.concatenate([self.phash_distance, more.phash_distance])[order],
            [*self.names, *more.names],
        )
