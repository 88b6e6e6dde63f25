"""Which known word a mistyped one most likely means, and none where nothing is near.

Two words are near when few letters differ for their length: up to 1 of 3 to 5 letters, 2 of 6 to 11, 3 of more. Case
is ignored, and `_`, `-` and `.` are alike. Words that two names share say nothing: 'test_percent' and 'reject_percent'
are compared by 'test' and 'reject'. A name of which the end, or words at the beginning, were left out is near where it
is the only one ('host_rate': 'per_host_rate'), and so is one with a number added at its end ('CC-BY-4.0': 'CC-BY').
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SEPARATORS = re.compile(r"[_\-. ]+")
_LONGEST = 200  # a key may hold a pasted file by mistake


def closest(word: str, known: Iterable[str]) -> str:
    """Return the known word that is most likely meant, or '' when none is near.

    >>> closest("pth", ["name", "kind", "path"]), closest("quux", ["path"])
    ('path', '')
    >>> closest("test_percent", ["validation_percent", "reject_percent"])
    ''
    >>> closest("host_rate", ["per_host_rate", "per_host_connections"])
    'per_host_rate'
    """
    if not word or len(word) > _LONGEST:
        return ""
    typed = _words(word)
    names = {each: _words(each) for each in sorted(set(known)) if 0 < len(each) <= _LONGEST}
    spelled = [(distance, name) for name, words in names.items() if (distance := _apart(typed, words)) is not None]
    if spelled:
        return min(spelled)[1]
    begun = [name for name in names if name.lower().startswith(word.lower())]
    shorter = begun or [name for name, words in names.items() if _is_end(typed, words)]
    if shorter:
        return shorter[0] if len(shorter) == 1 and len(word) > 2 else ""
    longer = [name for name, words in names.items() if words and _is_numbered(typed, words)]
    return max(longer, key=lambda name: (len(names[name]), name), default="")


def edits(one: str, other: str) -> int:
    """Return how many letters must be typed, left out, changed or swapped with a neighbour to make one word the other.

    The optimal string alignment distance (Damerau 1964), in O(len(one) x len(other)).

    >>> edits("statsu", "status"), edits("pth", "path"), edits("rule", "rate")
    (1, 1, 2)
    """
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        above, before, row = before, row, [i]
        for j, right in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                best = min(best, above[j - 2] + 1)
            row.append(best)
    return row[-1]


def _words(name: str) -> list[str]:
    return [part for part in _SEPARATORS.split(name.lower()) if part]


def _apart(one: Sequence[str], other: Sequence[str]) -> int | None:
    """Return the edits between two names, or None where they are not near."""
    if sorted(one) == sorted(other):
        return 0
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    end = 0
    while end < min(len(one), len(other)) - start and one[-1 - end] == other[-1 - end]:
        end += 1
    left, right = ("".join(words[start : len(words) - end]) for words in (one, other))
    if not left or not right:
        return None
    longest = max(len(left), len(right))
    if longest < 4 and len(left) == len(right) and not (start or end) and sorted(left) != sorted(right):
        return None  # of so few letters, another one makes another word
    allowed = 0 if longest < 3 else 1 if longest < 6 else 2 if longest < 12 else 3
    if abs(len(left) - len(right)) > allowed:
        return None
    distance = edits(left, right)
    return distance if distance <= allowed else None


def _is_end(part: Sequence[str], whole: Sequence[str]) -> bool:
    size = len(part)
    return 0 < size < len(whole) and part in (whole[:size], whole[-size:])


def _is_numbered(whole: Sequence[str], part: Sequence[str]) -> bool:
    return len(whole) > len(part) and whole[: len(part)] == part and whole[len(part)].isdigit()
