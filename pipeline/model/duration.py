"""How long something takes, in words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a time in the largest unit that fits.

    >>> duration(30), duration(400), duration(9000), duration(400_000)
    ('30 s', '7 min', '2.5 h', '4.6 days')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} days"
