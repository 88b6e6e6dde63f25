"""Parse scientific names: what kind of string it is, its canonical form and its authorship.

The work is done by GBIF's own name parser (`gbif-name-parser`, module `nameparser`). Clean uninomials and binomials,
the bulk of curated data, need no parser: a strict pattern takes them, and a test holds the pattern against the parser.
The canonical form is the bare name parts, folded to ASCII, without rank markers, hybrid signs, subgenus and authors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import nameparser

from taxonomy.ranks import normalise_rank, rank_level

KINDS = ("scientific", "hybrid", "virus", "placeholder", "otu", "informal", "cultivar", "unparsable")
"""Kinds of strings that stand where a name is expected."""
MAXIMUM_LENGTH = 500
"""Characters of the longest string that is looked at; longer ones are unparsable."""

_EPITHET = "[a-z]{4,}(?:-[a-z]{3,})?"
CLEAN_PATTERN = f"^[A-Z][a-z]{{2,}}(?: {_EPITHET})?$"
"""Uninomials and binomials that need no parser, unless UNCLEAN_PATTERN also matches (both in RE2 syntax)."""
_STOP_WORDS = """
aggregate aliquot applicable artefact artifact assemblage assigned auct bacterium biota bird blank candidate
candidatus clade class clone complex confer cultivar data determined egg eggs emend endosymbiont ened environmental
family form forma forms from fungus genus grex group hort hybrid identified incertae inconnu indet ined isolate
juvenile larva larvae lineage metagenome missing mixed mixture morphotype near nearby none nonsense not nothing
nothosp nudum null nymph order other others plant possible possibly prion probable probably prope pupa recorded
sample sect sedis sensu series several sort spec species strain subgen subsp subspecies symbiont taxon that this
tribe type unaccepted unassigned uncertain unclassified unclear uncultivated uncultured undescribed undet
undetermined unid unident unidentified unknown unnamed unplaced unsorted unspecified variety various with
"""
_WORDS = tuple(_STOP_WORDS.split())
_ENDINGS = (
    "[a-z]*(?:virus|viruses|viridae|virinae|virales|viricetes|viricota|vir|vira|viria|viriti|viretes|phages?|viroids?"
    "|satellites?|phytoplasma|plasmid)|indetermin[a-z]*"
)
UNCLEAN_PATTERN = "(?i)(?:^| )(?:" + "|".join(_WORDS) + f"|{_ENDINGS})(?: |$)"
"""Words that make a string something else than a name, or that only the parser can judge (in RE2 syntax)."""

_SURNAME = r"[A-ZÅÄÖÜÉØ][a-zåäöüéèøñ]{3,}"
_AUTHORS = rf"{_SURNAME}(?: & {_SURNAME})?, 1[789]\d\d"
_AUTHORED = re.compile(rf"^([A-Z][a-z]{{2,}} {_EPITHET}) ({_AUTHORS}|\({_AUTHORS}\))$")
_CLEAN, _STOP, _STOP_ENDING = re.compile(CLEAN_PATTERN), frozenset(_WORDS), re.compile(_ENDINGS)
_SPACE = re.compile(r"[\s\x00-\x1f_\u00a0]+")
_YEAR = re.compile(r"\b(1[6-9]\d\d|20\d\d)\b")
_NOTHING = re.compile(
    r"(?i)^(?:n/?a|nan|na|null|none|nil|no|not|missing|various|several|mixed|blank|unid(?:ent)?|unsorted|unspecified"
    r"|environmental|metagenome|life|biota|no (?:name|data|id)|not .*|environmental .*|unidentified.*|unknown.*"
    r"|unclassified.*|undetermined.*|uncultured.*|incertae sedis|(?:n\.? ?)?spp?\b.*|indet\b.*|[\W\d_]*)\.?$"
)
_SUPRA = re.compile(r"^([A-Z][a-z]{2,}) (?:gen|fam|ord|cl|subfam|trib|subgen)\b\.?(?: (?:et|and|&))?(?: .*)?$")
_OTU = re.compile(r"(?i)^(?:bold:[a-z]{3}\d{4}|sh\d{6,8}\.\d\dfu|otu[ _:-]?\d+|asv[ _:-]?\d+)$")
_QUALIFIED = re.compile(r"(?i)\s(aff|cf)\.?\s")


@dataclass(frozen=True, slots=True)
class ParsedName:
    """A parsed name; plain data, so that it travels between processes.

    `canonical` is empty when the string holds no name at all. For informal names it is the anchor ('Oenanthe' of
    'Oenanthe sp. 3'), for OTUs and viruses the string itself.
    """

    canonical: str
    genus: str = ""
    specific_epithet: str = ""
    infraspecific_epithet: str = ""
    rank: str = ""
    authorship: str = ""
    year: str = ""
    kind: str = "scientific"
    qualifier: str = ""

    @property
    def species(self) -> str:
        """The binomial, or an empty string."""
        return f"{self.genus} {self.specific_epithet}" if self.genus and self.specific_epithet else ""


def is_clean(name: str) -> bool:
    """Tell whether the strict pattern takes the name, so that it is its own canonical form; as UNCLEAN_PATTERN does."""
    # A set of words is ten times faster here than the pattern that whole arrays are matched with.
    return _CLEAN.match(name) is not None and not any(
        word in _STOP or _STOP_ENDING.fullmatch(word) for word in name.lower().split(" ")
    )


def split_author(name: str) -> tuple[str, str]:
    """Give a clean binomial and the zoological authorship behind it; the name alone where there is none for certain.

    >>> split_author("Puma concolor (Linnaeus, 1771)"), split_author("Rosa canina L.")
    (('Puma concolor', '(Linnaeus, 1771)'), ('Rosa canina L.', ''))
    """
    found = _AUTHORED.match(name)
    return (found[1], found[2]) if found and is_clean(found[1]) else (name, "")


def squeeze(text: str) -> str:
    """Give the text with runs of white space, control characters and underscores as one space."""
    return _SPACE.sub(" ", text).strip()


@lru_cache(maxsize=65_536)
def parse_name(verbatim: str, authorship: str = "", rank: str = "") -> ParsedName:
    """Parse one string; never raises on foreign text.

    >>> parse_name("Puma concolor (Linnaeus, 1771)")  # doctest: +NORMALIZE_WHITESPACE
    ParsedName(canonical='Puma concolor', genus='Puma', specific_epithet='concolor', infraspecific_epithet='',
               rank='species', authorship='(Linnaeus, 1771)', year='1771', kind='scientific', qualifier='')
    >>> parse_name("Oenanthe sp. 3").kind, parse_name("Oenanthe sp. 3").canonical
    ('informal', 'Oenanthe')
    >>> [parse_name(name).kind for name in ("BOLD:AAA1234", "unclassified", "Quercus × hispanica", "Dengue virus")]
    ['otu', 'placeholder', 'hybrid', 'virus']
    """
    if len(verbatim) > MAXIMUM_LENGTH:
        return ParsedName("", kind="unparsable")
    name, author, hint = squeeze(verbatim), squeeze(authorship[:MAXIMUM_LENGTH]), normalise_rank(rank) or ""
    if not author:
        name, author = split_author(name)
    if is_clean(name):
        genus, _, epithet = name.partition(" ")
        return ParsedName(
            name,
            genus if epithet or hint == "genus" else "",
            epithet,
            rank=_rank("species" if epithet else "", hint),
            authorship=author,
            year=_year(author),
        )
    if _NOTHING.match(name):
        return ParsedName("", kind="placeholder", qualifier=name)
    if _OTU.match(name):
        return ParsedName(name.upper(), kind="otu")
    above = _SUPRA.match(name)
    if above:
        return ParsedName(above[1], kind="informal", qualifier=name[above.end(1) :].strip())
    return _parse_with_gbif(name, author, hint)


def _parse_with_gbif(name: str, author: str, hint: str) -> ParsedName:
    try:
        parsed = nameparser.parse(name, author or None)
    except nameparser.UnparsableNameError as error:
        return _unparsable(name, error)
    if isinstance(parsed, nameparser.Informal):
        anchor = squeeze(parsed.taxon)
        genus = anchor if parsed.taxon_rank == "GENUS" else ""
        return ParsedName(anchor, genus, rank="", kind="informal", qualifier=squeeze(parsed.phrase or ""))
    canonical = squeeze(parsed.canonical_name_minimal() or "").strip('"')
    if parsed.candidatus:
        canonical = canonical.removeprefix("Candidatus ")
    genus = parsed.genus or ""
    epithet, infra = parsed.specific_epithet or "", parsed.infraspecific_epithet or ""
    words = canonical.split(" ")
    if genus and epithet and len(words) >= 2:  # the folded forms, as they stand in the canonical name
        genus, epithet, infra = words[0], words[1], words[-1] if infra and len(words) > 2 else ""
    given = author or squeeze(parsed.authorship_complete() or "")
    kind, qualifier = "scientific", ""
    if parsed.notho:
        kind = "hybrid"
    elif parsed.type == "INFORMAL" or parsed.epithet_qualifier:
        kind = "informal"
        qualifier = " ".join(sorted((parsed.epithet_qualifier or {}).values())) or squeeze(parsed.phrase or "")
    elif parsed.cultivar_epithet:
        kind, qualifier = "cultivar", squeeze(parsed.cultivar_epithet)
    elif parsed.type != "SCIENTIFIC":
        kind = "unparsable"
    mark = _QUALIFIED.search(name)
    if mark and kind == "scientific":
        kind, qualifier = "informal", mark[1].lower() + "."
    structural = "infraspecific" if infra else "species" if epithet else ""
    own = normalise_rank(str(parsed.rank)) or ""
    if infra and own and rank_level(own) > 70:
        structural = own
    return ParsedName(canonical, genus, epithet, infra, _rank(structural, hint), given, _year(given), kind, qualifier)


def _unparsable(name: str, error: nameparser.UnparsableNameError) -> ParsedName:
    if error.name_type == "FORMULA":
        # A cross is no taxon of the taxonomy; its genus is, when both parents share it.
        genus = _shared_genus([part.strip() for part in re.split(r"[×✕]|\s[xX]\s", name) if part.strip()])
        return ParsedName(genus, genus, kind="hybrid", qualifier=name)
    if error.code == "VIRUS" or re.search(r"(?i)vir(?:us|oid)|phage\b", name):
        return ParsedName(name, kind="virus")
    if error.name_type == "PLACEHOLDER":
        # 'Aves incertae sedis' still says Aves; 'unknown fungus' says nothing that a taxonomy holds.
        first = name.split(" ")[0]
        anchored = " " in name and re.fullmatch(CLEAN_PATTERN, first) is not None and is_clean(first)
        return ParsedName(first if anchored else "", kind="placeholder", qualifier=name)
    if error.name_type == "IDENTIFIER":
        return ParsedName(name.upper(), kind="otu")
    return ParsedName("", kind="unparsable")


def _shared_genus(parents: list[str]) -> str:
    """Give the genus that all parents of a cross share: the later ones may abbreviate or omit it."""
    genus = parents[0].split(" ")[0] if parents else ""
    if not is_clean(genus):
        return ""
    for parent in parents[1:]:
        word = parent.split(" ")[0]
        short = len(word) <= 4 and word.endswith(".") and genus.startswith(word[:-1])
        if word != genus and not short and not word.islower():
            return ""
    return genus


def _rank(structural: str, hint: str) -> str:
    """Give the rank hint where the form of the name allows it, else what the form says."""
    if not hint or hint == "unranked":
        return structural
    level = rank_level(hint)
    if structural == "species":
        return hint if level in (68, 70, 80, 82) else structural
    if structural:
        return hint if level > 70 else structural
    return hint if level < 68 else ""


def _year(authorship: str) -> str:
    years = _YEAR.findall(authorship)
    return years[-1] if years else ""
