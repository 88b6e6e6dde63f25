"""Parse scientific names: what kind of string it is, its canonical form and its authorship.

Names that are certain take the fast path (`taxonomy.names.clean_names`). For the others: tidy the string, recognise
what is no name (operational units, placeholders, choices between taxa), and ask GBIF's parser about the rest.
"""

from __future__ import annotations

import re
from functools import lru_cache

from taxonomy.names.clean_names import CLEAN_PATTERN, UNCLEAN_PATTERN, is_clean, parse_clean, split_author
from taxonomy.names.formulas import read_choice, read_formula, read_hybrid_word
from taxonomy.names.gbif_parser import parse_with_gbif
from taxonomy.names.otus import gtdb_genus, otu_behind, read_otu
from taxonomy.names.parsed import KINDS, NAME_TYPES, ParsedName
from taxonomy.names.placeholders import anchored_below, read_placeholder
from taxonomy.names.ranks import normalise_rank
from taxonomy.names.tidying import tidy

__all__ = [
    "CLEAN_PATTERN",
    "KINDS",
    "MAXIMUM_LENGTH",
    "NAME_TYPES",
    "UNCLEAN_PATTERN",
    "ParsedName",
    "is_clean",
    "parse_fully",
    "parse_name",
    "split_author",
    "squeeze",
]

MAXIMUM_LENGTH = 500
"""Characters of the longest string that is looked at; longer ones are unparsable."""
_SPACE = re.compile(r"[\s\x00-\x1f_\u00a0]+")
_CHIMAERA = re.compile(r"^[A-Z][^+\d]* \+ [A-Z][^+\d]*$")
_VERNACULAR = re.compile(r"^[A-Z][a-z]+(?:'s|s') [a-z]")
_STAGE = re.compile(
    r"^([A-Z][a-z-]+ [a-z-]+(?: [a-z-]+)?)[ ,(-]+"
    r"((?:(?:sub)?adult|juvenile|immature|male|female|larvae?|pupae?|nymph|egg)s?)\)?$"
)
_UNDETERMINED = re.compile(r"(?i)^[a-z]+(?: spp?\.?)?$")


def squeeze(text: str) -> str:
    """Return the text with runs of white space, control characters and underscores as one space.

    >>> squeeze(" Puma_concolor\\t(Linnaeus) ")
    'Puma concolor (Linnaeus)'
    """
    return _SPACE.sub(" ", text).strip()


@lru_cache(maxsize=65_536)
def parse_name(verbatim: str, authorship: str = "", rank: str = "") -> ParsedName:
    """Parse one string; never raises on foreign text.

    `authorship` and `rank` are what a source states beside the name (dwc:scientificNameAuthorship, dwc:taxonRank).

    >>> found = parse_name("Puma concolor (Linnaeus, 1771)")
    >>> found.canonical, found.genus, found.specific_epithet, found.rank, found.authorship, found.year, found.kind
    ('Puma concolor', 'Puma', 'concolor', 'species', '(Linnaeus, 1771)', '1771', 'scientific')
    >>> parse_name("Oenanthe sp. 3").kind, parse_name("Oenanthe sp. 3").canonical
    ('informal', 'Oenanthe')
    >>> [parse_name(name).kind for name in ("BOLD:AAA1234", "unclassified", "Quercus × hispanica", "Dengue virus")]
    ['otu', 'placeholder', 'hybrid', 'virus']
    """
    if len(verbatim) > MAXIMUM_LENGTH:
        return ParsedName("", kind="unparsable")
    author, hint = squeeze(authorship[:MAXIMUM_LENGTH]), normalise_rank(rank) or ""
    return parse_clean(verbatim, author, hint) or parse_fully(verbatim, author, hint)


def parse_fully(verbatim: str, authorship: str = "", hint: str = "") -> ParsedName:
    """Parse one string without the fast path; `hint` is a rank of the vocabulary, or empty.

    >>> parse_fully("Puma concolor", "(Linnaeus, 1771)") == parse_name("Puma concolor", "(Linnaeus, 1771)")
    True
    """
    name = tidy(verbatim)
    anchor, missing = read_placeholder(name)
    if missing:
        return ParsedName(anchor, kind="placeholder", qualifier=name)
    otu = read_otu(name)
    if otu:
        return ParsedName(otu, kind="otu", otu=otu)
    genus = gtdb_genus(name)
    if genus:
        return ParsedName(name, genus, kind="otu", otu=name, code="bacterial")
    before, otu = otu_behind(name)
    if otu and _UNDETERMINED.match(before):
        # The unit behind the taxon is finer than it: whoever has it in the index may look it up first.
        above = before.split(" ")[0].capitalize()
        return ParsedName(above, kind="informal", qualifier=name[len(above) :].strip(), otu=otu)
    above, rest = anchored_below(name)
    if above:
        return ParsedName(above, kind="informal", qualifier=rest)
    stage = _STAGE.match(name)
    if stage:  # what record keepers add to a name; no epithet in any code
        return parse_fully(stage[1], authorship, hint)._replace(note=stage[2])
    if _VERNACULAR.match(name):
        return ParsedName("", kind="unparsable")
    several = read_choice(name, parse_name) or read_hybrid_word(name, parse_name)
    if several is None and _CHIMAERA.match(name):
        several = read_formula(name, parse_name)
    if several is not None:
        return several
    return parse_with_gbif(name, authorship, hint, parse_name)
