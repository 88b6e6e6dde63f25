"""Strings that name several taxa at once: crosses ('Salix aurita L. × S. caprea L.') and choices ('Larus a/b').

Neither is one taxon of a taxonomy. What may be said of them is the genus, or the species, that all members share.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from taxonomy.names.clean_names import is_clean
from taxonomy.names.parsed import ParsedName

MOST_MEMBERS = 8
"""Members of one string that are read; strings with more of them are no formula."""
_CROSS = re.compile(r"\s*[×✕]\s*|\s+[xX+]\s+")
_CHOICE = re.compile(r"\s*/\s*|\s+(?:or|oder|ou|vel|and|et|und|&)\s+(?=[A-Z][a-z]+(?:\.| [a-z]{3}))")
_HYBRID_WORD = re.compile(r"(?i)^([a-z][a-z-]+(?: (?!sp\b)[a-z-]+)?)(?: spp?\.?)? (?:hybrids?|hybr?\.)$")
_ABBREVIATED = re.compile(r"^([A-Z][a-z]{0,3})\.\s*(?=[a-z(])")
_SUBGENUS = re.compile(r"^\([A-Z][a-z]*\.?\)\s*")
_TRINOMIAL = re.compile(r"^([A-Z][a-z-]+ [a-z-]+) [a-z-]+$")
_BARE_MEMBER = re.compile(
    r"^(?:[A-Z][a-z]+|[A-Z]\.) ?[a-z-]{3,}(?: [a-z-]{3,})?$|^[A-Z][a-z]+(?: spp?\.?)?$|^[a-z-]{3,}$"
)


def members(parts: list[str]) -> list[str]:
    """Return every member with its genus in full, where the members before it tell it.

    >>> members(["Salix aurita L.", "S. caprea L."]), members(["Larus argentatus", "fuscus"])
    (['Salix aurita L.', 'Salix caprea L.'], ['Larus argentatus', 'Larus fuscus'])
    """
    genus = ""
    out: list[str] = []
    for part in parts:
        found = _ABBREVIATED.match(part)
        if found and genus.startswith(found[1]):
            part = f"{genus} {_SUBGENUS.sub('', part[found.end() :])}"
        elif genus and part[:1].islower():
            plain = _TRINOMIAL.match(out[-1])
            part = f"{plain[1] if plain and ' ' not in part else genus} {part}"
        first = part.split(" ")[0]
        if is_clean(first):
            genus = first
        out.append(part)
    return out


def read_formula(text: str, parse: Callable[[str], ParsedName]) -> ParsedName:
    """Return a cross as a hybrid with its parents; `parse` reads one parent.

    >>> from taxonomy.names.parse import parse_name
    >>> read_formula("Salix aurita L. × S. caprea L.", parse_name).parents
    ('Salix aurita', 'Salix caprea')
    """
    parts = [part for part in _CROSS.split(text) if part]
    if not 2 <= len(parts) <= MOST_MEMBERS:
        return ParsedName("", kind="hybrid", qualifier=text, parents=("?", "?"))
    read = [parse(part) for part in members(parts)]
    parents = tuple(each.canonical if each.is_name and each.canonical else "?" for each in read)
    genus = _shared([parent.split(" ")[0] for parent in parents])
    return ParsedName(genus, genus, kind="hybrid", qualifier=text, parents=parents)


def read_choice(text: str, parse: Callable[[str], ParsedName]) -> ParsedName | None:
    """Return a choice between taxa ('Larus argentatus/fuscus') as an informal name, or None where the text is no
    choice.

    >>> from taxonomy.names.parse import parse_name
    >>> read_choice("Larus argentatus/fuscus", parse_name).canonical, read_choice("Larus argentatus", parse_name)
    ('Larus', None)
    """
    parts = _CHOICE.split(text)
    if not 2 <= len(parts) <= MOST_MEMBERS or not all(_BARE_MEMBER.match(part) for part in parts):
        return None
    read = [parse(part) for part in members(parts)]
    if not all(each.is_name and each.canonical for each in read):
        return None
    binomial = _shared([each.species for each in read])
    if binomial:
        genus, epithet = binomial.split(" ")
        return ParsedName(binomial, genus, epithet, rank="species", kind="informal", qualifier=text)
    genus = _shared([each.canonical.split(" ")[0] for each in read])
    return ParsedName(genus, genus, kind="informal", qualifier=text)


def read_hybrid_word(text: str, parse: Callable[[str], ParsedName]) -> ParsedName | None:
    """Return a name followed by the word 'hybrid' as a hybrid of unknown parents, or None.

    >>> from taxonomy.names.parse import parse_name
    >>> read_hybrid_word("Canis lupus hybrid", parse_name).parents
    ('Canis lupus', '?')
    """
    found = _HYBRID_WORD.match(text)
    one = parse(found[1]) if found else None
    if one is None or not one.is_name or not one.canonical:
        return None
    genus = one.canonical.split(" ")[0]
    return ParsedName(genus, genus, kind="hybrid", qualifier=text, parents=(one.canonical, "?"))


def _shared(words: list[str]) -> str:
    known = {word for word in words if word != "?"}
    return known.pop() if len(known) == 1 and "?" not in words and "" not in words else ""
