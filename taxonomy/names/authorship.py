"""Read an authorship into who named the taxon, who moved it, when, and who is expressly not meant.

'(L. ex Mill.) A.Gray, 1867' has the basionym authors L. and Mill., and the combination author A. Gray of 1867. What
follows 'in' or 'apud' is the place of publication; what follows 'auct.' or 'sensu' used the name without being its
author; what follows 'non' or 'nec' is somebody else's name of the same spelling.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache

MAXIMUM_LENGTH = 500
"""Characters of an authorship that are read."""
_YEAR = re.compile(r"\b(1[5-9]\d\d|20\d\d)(?:[a-z]\b)?")
_NOT = re.compile(r"(?i)[,(\[]?\s*\b(?:non|nec|not)\b\.?")
_USED = re.compile(
    r"(?i)[,(\[]?\s*\b(?:auctt?|auctorum|sensu|sec|emend|fide|teste|hort|nom|comb|orth|pro (?:sp|syn))\b.*$"
)
_IN = re.compile(r"(?i)\s+\b(?:in|apud)\b\.?\s+.*$")
_HORT_EX = re.compile(r"(?i)\bhort(?:orum|\.)?\s*ex\s+")
_AND = re.compile(r"(?i)\s*(?:&|;|,|\bet al\b\.?|\bet\b|\band\b|\bund\b|\bex\b|:|\[|\]|\(|\))\s*")
_BRACKETS = re.compile(r"^\s*\(([^()]*)\)\s*(.*)$")
_FILIUS = re.compile(r"(?i)(?<=[\w.])\s*,?\s*\b(?:f|fil|filius|jr|junior|ii)\b\.?(?=\s*(?:$|[,&();]|ex\b|et\b))")
_PARTICLE_WORDS = "de du des la le les von van vom der den ten ter zu zur da das di do dos del della af av"
_PARTICLES = frozenset(_PARTICLE_WORDS.split())
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?\.?")
_INITIAL = re.compile(r"[a-z](?:h|j|k|l)?\.?$")
_WHOLE = {"l": "linnaeus", "linn": "linnaeus", "lin": "linnaeus", "linne": "linnaeus", "dc": "candolle"}
_LETTERS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ı": "i", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ß": "ss"})
_ENDINGS = ((re.compile(r"sk(?:ij|iy|ii|yi|yj|y|i|aja|aya|aia)$"), "ski"), (re.compile(r"(?:off|ow|eff)$"), "ov"))
_UMLAUT = re.compile(r"([aou])e")
_DOUBLE = re.compile(r"([a-z])\1")


@dataclass(frozen=True, slots=True)
class Author:
    """One author: words of the name (the surname last), whether it is abbreviated, initials, and whether the son."""

    words: tuple[str, ...]
    short: bool = False
    initials: str = ""
    filius: bool = False


@dataclass(frozen=True, slots=True)
class Team:
    """The authors of one act and its years."""

    authors: tuple[Author, ...] = ()
    years: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Authorship:
    """Who named the taxon (`basionym`, of names in brackets), who combined it, and who is excluded."""

    basionym: Team
    combination: Team
    excluded: Team


@lru_cache(maxsize=262_144)
def read_authorship(text: str) -> Authorship:
    """Read an authorship; foreign text gives whatever can be made of it, at worst nobody.

    >>> found = read_authorship("(L. ex Mill.) A. Gray, 1867")
    >>> [author.words for author in found.basionym.authors], found.combination.authors[0].initials
    ([('linaus',), ('mil',)], 'a')
    >>> found.combination.years, read_authorship("auct. non L.").excluded.authors[0].words
    ((1867,), ('linaus',))
    """
    text = _FILIUS.sub(" filius", _HORT_EX.sub("", text[:MAXIMUM_LENGTH].strip()))
    parts = _NOT.split(text, maxsplit=1)
    excluded = _team(_NOT.sub(" & ", parts[1])) if len(parts) > 1 else Team()
    positive = _USED.sub("", parts[0])
    brackets = _BRACKETS.match(positive)
    if brackets:
        return Authorship(_team(brackets[1]), _team(brackets[2]), excluded)
    return Authorship(Team(), _team(positive), excluded)


def _team(text: str) -> Team:
    years = tuple(sorted({int(year) for year in _YEAR.findall(text)}))
    text = _IN.sub("", _YEAR.sub(" ", text)).replace(" y ", " & ")
    authors: list[Author] = []
    for part in _AND.split(_fold(text)):
        words = [word for word in _WORD.findall(part) if word not in _PARTICLES]
        filius = "filius" in words
        words = [word for word in words if word != "filius"]
        last = max((i for i, word in enumerate(words) if _is_initial(word)), default=-1)
        # Before an initial stands a given name ('Manfred A. Fischer'), unless nothing follows it ('Herbst J.F.W.').
        names = words[last + 1 :] or [word for word in words if not _is_initial(word)]
        initials = "".join(word[0] for word in words[: last + 1] if word not in names)
        if not names and len(words) == 1 and words[0].rstrip(".") in _WHOLE:
            names, initials = words, ""
        if names:
            plain = tuple(_plain(word) for word in names)
            bare = names[-1].rstrip(".")
            short = names[-1].endswith(".") and bare not in _WHOLE
            authors.append(Author(plain, short, initials, filius))
        elif initials and authors and not authors[-1].initials:
            # 'Herbst, J.F.W.': the initials belong to the author before the comma.
            authors[-1] = replace(authors[-1], initials=initials, filius=authors[-1].filius or filius)
        elif filius and authors:
            authors[-1] = replace(authors[-1], filius=True)
        elif len(words) == 1 and words[0].endswith("."):
            authors.append(Author((words[0].rstrip("."),), True))
    return Team(tuple(authors), years)


def _is_initial(word: str) -> bool:
    return len(word.rstrip(".")) == 1 or (len(word) == 3 and word.endswith(".") and _INITIAL.match(word) is not None)


def _fold(text: str) -> str:
    """Return the text in lower case without marks; initials part from what follows, 'Mc' and 'd'' join it."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    folded = "".join(c for c in folded if not unicodedata.combining(c)).replace("’", "'").replace("`", "'")
    folded = re.sub(r"\b(?:ma?c|m')\s?(?=[a-z]{3})", "mc", folded)
    folded = re.sub(r"\bd'|\bo'", "", folded)
    return re.sub(r"\.(?=[a-z(])", ". ", folded)


def _plain(word: str) -> str:
    """Return a surname by which spellings of one author agree: 'Müller' and 'Mueller', 'Andersson' and 'Anderson'."""
    bare = word.rstrip(".")
    bare = _WHOLE.get(bare, bare)
    bare = _UMLAUT.sub(r"\1", bare) if len(bare) > 3 else bare
    if not word.endswith("."):
        for ending, one in _ENDINGS:
            bare = ending.sub(one, bare)
    return _DOUBLE.sub(r"\1", bare)
