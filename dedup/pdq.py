"""PDQ-256 of luma blocks, many at a time: hash, quality and the eight ways to turn the picture.

The DCT has one value everywhere: the first pass is exact in float64 (products and sums stay below 2**53), the second
runs on integers. Rounded products would differ from one BLAS to the next, and a coefficient close to the median would
then change its bit with the machine.

Source: Meta, The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm (2019).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dedup.blocks import SIDE, Blocks, check_blocks
from dedup.pairs import Hashes

PDQ_BYTES = 32
DIHEDRAL = ("identity", "rotate90", "rotate180", "rotate270", "flip_y", "flip_x", "transpose", "transverse")
"""What was done to the image for each of its 8 variants: rotations are anticlockwise, flip_y is upside down."""

_LOW = 16
_SCALE = 1 << 21
"""Fixed point of the cosines. Two passes over pixels of at most 255 stay below 2**61, inside int64."""
_CHUNK = 1024

_Ints = npt.NDArray[np.int64]


def pdq_hashes(blocks: Blocks) -> Hashes:
    """Return the PDQ of each block under HASH_SPEC: uint8[n, 32] from uint8[n, 64, 64].

    >>> pdq_hashes(np.zeros((2, 64, 64), np.uint8)).tolist() == [[0] * 32] * 2
    True
    """
    check_blocks(blocks)
    parts = [_above_median(_low_frequencies(some)) for some in _chunks(blocks)]
    return np.concatenate(parts) if parts else np.empty((0, PDQ_BYTES), np.uint8)


def pdq_variants(blocks: Blocks) -> Hashes:
    """Return the PDQ of each block turned and mirrored in all 8 ways, in the order of DIHEDRAL: uint8[n, 8, 32].

    Turning a block swaps and negates its coefficients, so one DCT serves all eight; variant 0 is the block's own PDQ.

    >>> block = np.arange(4096, dtype=np.uint32).astype(np.uint8).reshape(1, 64, 64)
    >>> bool((pdq_variants(block)[:, 4] == pdq_hashes(block[:, ::-1])).all())
    True
    """
    check_blocks(blocks)
    parts = [_turned(_low_frequencies(some)) for some in _chunks(blocks)]
    return np.concatenate(parts) if parts else np.empty((0, len(DIHEDRAL), PDQ_BYTES), np.uint8)


def pdq_quality(blocks: Blocks) -> npt.NDArray[np.int16]:
    """Return PDQ's quality of each block: the visible steps between neighbouring pixels, 0 to 100; a flat block has 0.

    >>> pdq_quality(np.zeros((1, 64, 64), np.uint8)).tolist()
    [0]
    """
    check_blocks(blocks)
    total = np.zeros(len(blocks), np.int64)
    for axis in (1, 2):
        step = np.abs(np.diff(blocks.astype(np.int16), axis=axis)).astype(np.uint8)
        total += _VISIBLE[step].sum(axis=(1, 2), dtype=np.int64)
    return np.minimum(100, total // 90).astype(np.int16)


_VISIBLE = (np.arange(256) * 100 // 255).astype(np.uint8)


def _cosines() -> _Ints:
    """Return rows 1 to 16 of the 64-point DCT-II in fixed point, mirrored from one half so that symmetry is exact."""
    frequency, position = np.arange(1, _LOW + 1)[:, np.newaxis], np.arange(SIDE // 2)[np.newaxis, :]
    half = np.rint(np.cos(np.pi / (2 * SIDE) * frequency * (2 * position + 1)) * _SCALE).astype(np.int64)
    return np.concatenate([half, half[:, ::-1] * np.where(frequency % 2 == 0, 1, -1)], axis=1)


_DCT = _cosines()
_DCT_FLOAT = _DCT.astype(np.float64)


def _chunks(blocks: Blocks) -> list[Blocks]:
    return [blocks[start : start + _CHUNK] for start in range(0, len(blocks), _CHUNK)]


def _low_frequencies(blocks: Blocks) -> _Ints:
    """Return the DCT coefficients of frequencies 1 to 16, int64[n, 16, 16] in a scale of no matter to the median."""
    # No kept coefficient holds the mean; taking it out leaves a flat block with exact zeros instead of rounding dust.
    mean = blocks.sum(axis=(1, 2), dtype=np.int64) // (SIDE * SIDE)
    level = blocks - mean[:, np.newaxis, np.newaxis].astype(np.float64)
    first = (_DCT_FLOAT @ level).astype(np.int64)
    coefficients: _Ints = first @ _DCT.T
    return coefficients


def _turned(dct: _Ints) -> Hashes:
    # Coefficient (i, j) stands for frequencies (i + 1, j + 1): mirroring an axis negates its odd frequencies.
    odd = np.where(np.arange(_LOW) % 2 == 0, -1, 1)
    down, across = odd[:, np.newaxis], odd[np.newaxis, :]
    swapped = dct.transpose(0, 2, 1)
    variants = (
        dct,
        swapped * down,
        dct * down * across,
        swapped * across,
        dct * down,
        dct * across,
        swapped,
        swapped * down * across,
    )
    return np.stack([_above_median(variant) for variant in variants], axis=1)


def _above_median(dct: _Ints) -> Hashes:
    """Pack int64[n, 16, 16] into uint8[n, 32]: a bit is set above the lower median, coefficient (15, 15) first."""
    flat = dct.reshape(len(dct), -1)
    middle = flat.shape[1] // 2 - 1
    median = np.partition(flat, middle, axis=1)[:, middle]
    return np.packbits((flat > median[:, np.newaxis])[:, ::-1], axis=1)
