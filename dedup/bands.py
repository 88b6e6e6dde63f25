"""The plan of an exact Hamming join: which bits are compared first, and how many of them may differ.

Two hashes at distance d or less differ in few places, so some part of them is nearly the same. A plan uses this twice.
The bits are dealt into words of 64 with a budget T_w each, such that sum(T_w + 1) = d + 1; every word is cut into bands
with budgets t_b, such that sum(t_b + 1) = T_w + 1. A pair that exceeded every budget would differ in at least
sum(T_w + 1) = d + 1 bits. So each pair within d meets the budget of some word and, inside it, that of some band: bands
find the candidates, one population count of the word discards nearly all of them, and no pair is ever missed.

Neighbouring bits of a perceptual hash agree more often than chance, which would overfill a band of neighbours with
candidates. The bits are therefore dealt by a fixed permutation: whole bytes to words, then the bits of each word.

Source: M. Norouzi, A. Punjani, D. Fleet, Fast Exact Search in Hamming Space with Multi-Index Hashing (2014).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from dedup.errors import LikenessError
from dedup.pairs import Hashes

_WORD = 64
_KEY_BITS = 32
"""A key shares a 64-bit sort item with its row number."""
_BLOCK = 1 << 13
"""Hashes permuted at a time: they and their words stay inside a core's cache."""
_ROWS = 1 << 20
_SORT_COST, _PROBE_COST, _CHECK_COST = 60.0, 10.0, 8.0
"""Relative costs, per row, of sorting a band's keys, of one look-up and of one candidate, at _ROWS rows."""


@dataclass(frozen=True, slots=True)
class Band:
    """Bits `shift` to `shift + width` of one permuted word, of which at most `flips` may differ."""

    word: int
    shift: int
    width: int
    flips: int
    word_budget: int
    """Bits of the whole word that may differ."""

    @property
    def key_bits(self) -> int:
        """Bits of the band that are sorted by; the others are compared afterwards."""
        return min(self.width, _KEY_BITS)

    def patterns(self) -> Iterator[int]:
        """Yield every difference that the key of two rows may show: none first, then `flips` or fewer bits."""
        for count in range(self.flips + 1):
            for bits in combinations(range(self.key_bits), count):
                yield sum(1 << bit for bit in bits)

    def agrees(self, difference: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Return which differences (permuted words, xor of two rows) meet the budget of the band."""
        mask = np.uint64(((1 << self.width) - 1) << self.shift)
        in_band: npt.NDArray[np.bool_] = np.bitwise_count(difference & mask) <= self.flips
        return in_band


@dataclass(frozen=True, slots=True)
class BandPlan:
    """The bands whose candidates hold every pair of `bits`-bit hashes within `distance`."""

    bits: int
    distance: int
    bands: tuple[Band, ...]

    def is_exact(self) -> bool:
        """Check the pigeonhole condition: the budgets of words and bands leave no pair within the distance out."""
        slots: dict[int, int] = {}
        for band in self.bands:
            slots[band.word] = slots.get(band.word, 0) + band.flips + 1
        budgets = {band.word: band.word_budget for band in self.bands}
        return sum(slots.values()) >= self.distance + 1 and all(slots[word] >= budgets[word] + 1 for word in slots)

    def word_budget(self, word: int) -> int:
        """Return how many bits of a word may differ in a pair that collides in one of its bands; -1: it has none."""
        return next((band.word_budget for band in self.bands if band.word == word), -1)

    def least_apart(self, number: int) -> int:
        """Return the distance, in bits, that two rows keep at least when they collide in no band below `number`.

        >>> [plan_bands(256, 10).least_apart(number) for number in (0, 1, 3, 11)]
        [0, 1, 3, 11]
        """
        # In each word they exceed its budget, or else that of every band, whose bits are its own.
        total: dict[int, int] = {}
        for band in self.bands[:number]:
            total[band.word] = min(total.get(band.word, 0) + band.flips + 1, band.word_budget + 1)
        return sum(total.values())


@cache
def plan_bands(bits: int, distance: int) -> BandPlan:
    """Plan the join of 64-bit or 256-bit hashes at a distance below half their bits; LikenessError otherwise.

    The number of bands in a word is the one that costs least at a million rows; any choice would be exact.

    >>> [band.flips for band in plan_bands(256, 10).bands]
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    >>> plan_bands(256, 30).is_exact(), sum(band.flips + 1 for band in plan_bands(256, 30).bands)
    (True, 31)
    """
    if bits not in (64, 256):
        raise LikenessError(
            f"no plan for hashes of {bits} bits", expected="64 (pHash) or 256 (PDQ)", remedy="pack the hashes so"
        )
    if not 0 <= distance < bits // 2:
        raise LikenessError(
            f"distance {distance} is not a likeness for {bits} bits",
            expected=f"0 to {bits // 2 - 1}: unrelated hashes lie about {bits // 2} bits apart",
            remedy="choose a smaller distance",
        )
    bands: list[Band] = []
    for word, slots in enumerate(_deal(distance + 1, bits // _WORD)):
        if slots:
            cuts = [_cut(word, slots, count) for count in _counts(slots)]
            cheapest: tuple[Band, ...] = min(cuts, key=_cost)
            bands.extend(cheapest)
    return BandPlan(bits, distance, tuple(bands))


def permuted_word(hashes: Hashes, word: int) -> npt.NDArray[np.uint64]:
    """Return one word of each hash under the fixed permutation: uint64[n].

    The permutation is linear over bits, so the xor of two rows can be permuted in place of the rows.

    >>> permuted_word(np.full((1, 8), 255, np.uint8), 0) == np.uint64(2**64 - 1)
    array([ True])
    """
    total = np.zeros(len(hashes), np.uint64)
    columns = _byte_order(hashes.shape[1])[8 * word : 8 * word + 8]
    for start in range(0, len(hashes), _BLOCK):
        block, part = hashes[start : start + _BLOCK], total[start : start + _BLOCK]
        for table, column in zip(_spread_tables(), columns, strict=True):
            part |= table.take(block[:, column])
    return total


def permuted_bits(hashes: Hashes, word: int, shift: int, count: int) -> npt.NDArray[np.uint16]:
    """Return up to 16 bits of one word of each hash under the permutation, from bit `shift` on: uint16[n].

    Half the work of `permuted_word`, where no other bit is asked for.

    >>> whole = permuted_word(np.arange(64, dtype=np.uint8).reshape(8, 8), 0)
    >>> bool((permuted_bits(np.arange(64, dtype=np.uint8).reshape(8, 8), 0, 5, 12) == whole >> 5 & 4095).all())
    True
    """
    mask = np.uint64((1 << count) - 1)
    columns = _byte_order(hashes.shape[1])[8 * word : 8 * word + 8]
    tables = [((table >> np.uint64(shift)) & mask).astype(np.uint16) for table in _spread_tables()]
    needed = [(table, column) for table, column in zip(tables, columns, strict=True) if table.any()]
    total = np.zeros(len(hashes), np.uint16)
    for start in range(0, len(hashes), _BLOCK):
        block, part = hashes[start : start + _BLOCK], total[start : start + _BLOCK]
        for table, column in needed:
            part |= table.take(block[:, column])
    return total


def _deal(slots: int, hands: int) -> list[int]:
    """Deal the slots evenly, the first hands getting what is left over."""
    return [slots // hands + (hand < slots % hands) for hand in range(hands)]


def _counts(slots: int) -> Iterator[int]:
    """Yield the numbers of bands worth pricing: keys that flip fit into a sort item, and have few enough patterns."""
    for count in range(1, min(slots, _WORD) + 1):
        flips, width = -(-slots // count) - 1, _WORD // count
        if flips == 0 or (width < _KEY_BITS and sum(math.comb(width + 1, k) for k in range(flips + 1)) <= 5000):
            yield count


def _cut(word: int, slots: int, count: int) -> tuple[Band, ...]:
    """Cut a word with `slots` = T + 1 into `count` bands; those with more flips come first and get the odd bits."""
    bands, shift = [], 0
    for flips, width in zip(_deal(slots, count), _deal(_WORD, count), strict=True):
        bands.append(Band(word, shift, width, flips - 1, slots - 1))
        shift += width
    return tuple(bands)


def _cost(bands: tuple[Band, ...]) -> float:
    total = 0.0
    for band in bands:
        patterns = sum(math.comb(band.key_bits, count) for count in range(band.flips + 1))
        candidates = patterns * _ROWS / 2 ** (band.key_bits + 1)
        total += _SORT_COST + patterns * _PROBE_COST + candidates * _CHECK_COST
    return total


def _scatter(count: int, label: str) -> list[int]:
    """Return a fixed order of 0 to count - 1 that follows no pattern of its own."""
    return sorted(range(count), key=lambda item: hashlib.blake2b(f"{label} {item}".encode(), digest_size=8).digest())


@cache
def _byte_order(width: int) -> tuple[int, ...]:
    return tuple(_scatter(width, "byte"))


@cache
def _spread_tables() -> tuple[npt.NDArray[np.uint64], ...]:
    """Return, for each byte of a word, where its 256 values put their bits in the permuted word."""
    places = _scatter(_WORD, "bit")
    values = np.arange(256, dtype=np.uint64)
    tables = []
    for byte in range(8):
        table = np.zeros(256, np.uint64)
        for bit in range(8):
            table |= ((values >> np.uint64(bit)) & np.uint64(1)) << np.uint64(places[8 * byte + bit])
        table.flags.writeable = False
        tables.append(table)
    return tuple(tables)
