"""Better a deal by single moves: a group goes to another split where that brings labels nearer to their shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pipeline.splits.stratified import Dealer, Numbers

_PASSES = 40
_WORK = 100_000_000
"""Entries that all passes together look at, at most: large deals are near their shares already."""
_FEW = 256
"""Groups of a label above which its groups, if they hold no other, are as near to its share as moves could bring it."""
_CHUNK = 500_000
"""Groups that are weighed at a time, so that memory does not grow with them."""
_MOVES = 2_000
"""Moves of one pass; each is weighed anew before it is made."""
_LEAST = 1e-12
_MISSING = 4.0
"""What a label that lacks a split costs, in the unit of a label that is wholly in the wrong split."""


def refine(dealer: Dealer) -> None:
    """Move groups of a deal while that lessens its error; labels that only other splits hold go to the first one too.

    The error is the mean deviation of labels from the shares, with what labels lack, and the deviation of all rows.
    """
    _bring_to_first(dealer)
    groups = _movable(dealer)
    entries = max(int((dealer.start[groups + 1] - dealer.start[groups]).sum()), 1)
    for _ in range(min(_PASSES, _WORK // entries)):
        if not _pass(dealer, groups):
            break
    _bring_to_first(dealer)


def _movable(dealer: Dealer) -> Numbers:
    """Return the groups whose moves may bring labels nearer: those of rare labels, and of several."""
    several = np.diff(dealer.start) > 1
    rare = dealer.entries.group[dealer.label_groups[dealer.entries.label] <= _FEW]
    several[rare] = True
    return np.flatnonzero(several & (dealer.fixed < 0))


def error_of(dealer: Dealer) -> float:
    """Return the mean over labels and splits of the deviation of a label's share from the split's, from 0 to 1."""
    present = dealer.totals > 0
    share = dealer.held[present] / dealer.totals[present, None]
    return float(np.abs(share - dealer.shares).mean()) if present.any() else 0.0


def _bring_to_first(dealer: Dealer) -> None:
    """Put into the first split a group of every label that others hold and it lacks, the one of the fewest rows."""
    lacking = np.flatnonzero((dealer.held[:, 0] == 0) & (dealer.totals > 0))
    if not len(lacking):
        return
    asked = np.isin(dealer.entries.label, lacking) & (dealer.fixed[dealer.entries.group] < 0)
    places = np.flatnonzero(asked)
    groups = dealer.entries.group[places]
    order = np.lexsort((dealer.entries.order[groups], dealer.sizes[groups], dealer.entries.label[places]))
    for place in places[order].tolist():
        if dealer.held[dealer.entries.label[place], 0] == 0:
            dealer.put(int(dealer.entries.group[place]), 0)


def _pass(dealer: Dealer, groups: Numbers) -> int:
    """Make the best moves of some groups, each weighed again; return how many were made."""
    gains, moved, to = [np.empty(0)], [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for begin in range(0, len(groups), _CHUNK):
        chunk = groups[begin : begin + _CHUNK]
        each = np.stack([_gains(dealer, chunk, split) for split in range(dealer.splits)])
        each[dealer.split[chunk], np.arange(len(chunk))] = np.inf
        best = each.argmin(axis=0)
        gain = each[best, np.arange(len(chunk))]
        wished = np.flatnonzero(gain < -_LEAST)
        gains.append(gain[wished])
        moved.append(chunk[wished])
        to.append(best[wished])
    gain, group, split = np.concatenate(gains), np.concatenate(moved), np.concatenate(to)
    first = np.lexsort((dealer.entries.order[group], np.round(gain, 12)))[:_MOVES]
    made = 0
    for number, aim in zip(group[first].tolist(), split[first].tolist(), strict=True):
        if _gain_of(dealer, number, aim) < -_LEAST:
            dealer.put(number, aim)
            made += 1
    return made


def _gains(dealer: Dealer, groups: Numbers, to: int) -> npt.NDArray[np.float64]:
    """Return what the error would change by where each of some groups went to a split: float64[groups]."""
    lengths = dealer.start[groups + 1] - dealer.start[groups]
    owner = np.repeat(np.arange(len(groups)), lengths)
    here = (
        np.repeat(dealer.start[groups], lengths)
        + np.arange(len(owner))
        - np.repeat(np.cumsum(lengths) - lengths, lengths)
    )
    split = dealer.split[groups].astype(np.int64)
    change = _change(dealer, dealer.entries.label[here], dealer.entries.rows[here], split[owner], to)
    gain = np.bincount(owner, change, len(groups))
    return np.asarray(gain + _overall(dealer, dealer.sizes[groups], split, to))


def _gain_of(dealer: Dealer, group: int, to: int) -> float:
    labels, rows = dealer.entries_of(group)
    split = np.full(len(labels), dealer.split[group], np.int64)
    change = float(_change(dealer, labels, rows, split, to).sum())
    return change + float(_overall(dealer, dealer.sizes[group], split[:1], to)[0])


def _change(dealer: Dealer, label: Numbers, rows: Numbers, split: Numbers, to: int) -> npt.NDArray[np.float64]:
    """Return what each entry changes of the error of its label, if it moves."""
    labels = max(dealer.present, 1)
    total = dealer.totals[label]
    before, after = dealer.held[label, split], dealer.held[label, to]
    shares = dealer.shares
    moved = np.abs((before - rows) / total - shares[split]) - np.abs(before / total - shares[split])
    moved += np.abs((after + rows) / total - shares[to]) - np.abs(after / total - shares[to])
    moved /= dealer.splits
    lacked = (before - rows < dealer.floors[split]).astype(np.float64) - (before < dealer.floors[split])
    lacked += (after + rows < dealer.floors[to]).astype(np.float64) - (after < dealer.floors[to])
    moved += _MISSING * lacked * dealer.coverable[label]
    leaves_first = (split == 0) & (before == rows)
    enters_first = (to == 0) & (dealer.held[label, 0] == 0)
    moved += 2 * _MISSING * (leaves_first.astype(np.float64) - enters_first)
    return np.asarray(moved / labels)


def _overall(dealer: Dealer, sizes: Numbers | np.int64, split: Numbers, to: int) -> npt.NDArray[np.float64]:
    """Return what the deviation of all rows changes by, if groups of some sizes move."""
    all_rows = max(dealer.all_rows, 1)
    over, shares = dealer.overall, dealer.shares
    before = np.abs(over[split] / all_rows - shares[split]) + np.abs(over[to] / all_rows - shares[to])
    after = np.abs((over[split] - sizes) / all_rows - shares[split])
    after = after + np.abs((over[to] + sizes) / all_rows - shares[to])
    return np.asarray(after - before)
