"""Do two authorships name the same author? Enough to tell homonyms apart, not a bibliography.

Botanists abbreviate ('L.', 'Rchb.f.'), zoologists write in full with a year, catalogues drop parentheses, initials and
diacritics. The answer is one of three: the authors agree, they contradict each other, or one side says too little.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

from taxonomy.names.authorship import Author, Authorship, Team, read_authorship

MOST_YEARS_APART = 1
"""Years by which two statements of one act may differ: title pages and dates of issue do."""


class AuthorMatch(IntEnum):
    """What the comparison of two authorships says; usable as a sign."""

    DIFFERENT = -1
    UNKNOWN = 0
    EQUAL = 1


@lru_cache(maxsize=262_144)
def compare_authorship(one: str, other: str) -> AuthorMatch:
    """Return whether two authorships of one canonical name agree, contradict each other, or leave it open.

    Two authors agree when their surnames do (an abbreviation agrees with what it shortens) and neither initials nor
    'filius' part them. Teams agree in one author, since catalogues shorten them. Years that differ by more than one
    contradict. Basionym authors, where both sides have them, decide; a side without parentheses is compared with both
    groups of the other. 'in', 'apud' and what follows name the publication; 'auct.' and 'sensu' name no author; 'non'
    names who it is not.

    >>> def say(one, other): return compare_authorship(one, other).name
    >>> say("L.", "Linnaeus, 1758"), say("Rchb.f.", "Rchb."), say("Müll.Arg.", "Muell. Arg.")
    ('EQUAL', 'DIFFERENT', 'EQUAL')
    >>> say("Blume", "Röding, 1798"), say("(Linnaeus, 1771)", "Linnaeus, 1758"), say("", "L.")
    ('DIFFERENT', 'DIFFERENT', 'UNKNOWN')
    >>> say("(L.) Mill.", "(Thunb.) Mill."), say("A.Gray", "S.F.Gray"), say("auct. non L.", "L.")
    ('DIFFERENT', 'DIFFERENT', 'DIFFERENT')
    >>> say("Smith et al., 1900", "Smith, Jones & Brown, 1901"), say("Hook. in Smith", "Smith"), say("sensu L.", "L.")
    ('EQUAL', 'DIFFERENT', 'UNKNOWN')
    """
    if one == other:
        a = read_authorship(one)
        return AuthorMatch.EQUAL if a.basionym.authors or a.combination.authors else AuthorMatch.UNKNOWN
    return _compare(read_authorship(one), read_authorship(other))


def _compare(a: Authorship, b: Authorship) -> AuthorMatch:
    if _share(a.excluded, _all(b)) or _share(b.excluded, _all(a)):
        return AuthorMatch.DIFFERENT
    if a.basionym.authors and b.basionym.authors:
        return _teams(a.basionym, b.basionym)
    return _teams(_all(a), _all(b))


def _all(one: Authorship) -> Team:
    both = one.basionym, one.combination
    return Team(both[0].authors + both[1].authors, both[0].years + both[1].years)


def _teams(a: Team, b: Team) -> AuthorMatch:
    if a.years and b.years and min(abs(x - y) for x in a.years for y in b.years) > MOST_YEARS_APART:
        return AuthorMatch.DIFFERENT
    if not a.authors or not b.authors:
        return AuthorMatch.UNKNOWN
    return AuthorMatch.EQUAL if _share(a, b) else AuthorMatch.DIFFERENT


def _share(a: Team, b: Team) -> bool:
    return any(_same(x, y) for x in a.authors for y in b.authors)


def _same(a: Author, b: Author) -> bool:
    if a.filius != b.filius:
        return False
    one, other = set(a.initials), set(b.initials)
    if not (one <= other or other <= one):  # one side may leave initials out, or all but the name used
        return False
    if _words_agree(a.words[-1], a.short, b.words[-1], b.short):
        # Of 'Müll.Arg.' and 'Müll.Hal.' the last words differ; of 'Fischer de Waldheim' one may be missing.
        return True
    if a.short and b.short:
        return False
    return (a.words[-1] in b.words and len(a.words[-1]) > 3) or (b.words[-1] in a.words and len(b.words[-1]) > 3)


def _words_agree(a: str, a_short: bool, b: str, b_short: bool) -> bool:
    if a == b:
        return True
    return (a_short and _shortens(a, b)) or (b_short and _shortens(b, a))


def _shortens(short: str, whole: str) -> bool:
    """Return whether an abbreviation begins the word, or leaves letters out of it ('Michx.' of 'Michaux').

    >>> _shortens("mil", "miler"), _shortens("michx", "michaux"), _shortens("rchb", "reichenbach")
    (True, True, True)
    """
    if whole.startswith(short):
        return True
    if len(short) < 3 or short[0] != whole[0]:
        return False
    letters = iter(whole)
    return all(letter in letters for letter in short)
