"""The fast path: names that are certain to be what they look like, taken without the parser.

Clean uninomials and binomials, and binomials with a plain authorship, are the bulk of curated data. What is taken here
is exactly what the parser would give; `tests/taxonomy/names/test_clean_names.py` holds the two against each other, also
over every word that the parser's own binary holds. Whatever is not certain is left to the parser.
"""

from __future__ import annotations

import re

from taxonomy.names.parsed import ParsedName
from taxonomy.names.ranks import rank_level

_EPITHET = "[a-z]{4,}"
CLEAN_PATTERN = f"^[A-Z][a-z]{{2,}}(?: {_EPITHET})?$"
"""Uninomials and binomials that need no parser, unless UNCLEAN_PATTERN also matches (both in RE2 syntax)."""
_STOP_WORDS = """
aber aggregate aliquot anon applicable apud artefact artifact assemblage assigned associated auct auctt author
bacterium basionym biota bird blank candidate candidatus catalog clade class classified clone cnpv comb complex confer
conserved corrig cultivar data delete della delle description designated determined divisio division egg eggs emend
emendation endosymbiont ened environmental etal familie family fide first flac forms from fungus gattung genus grex
group hort hybrid hybrids ichnotaxa ichnotaxon ictv identified illeg incertae incertaesedis inconnu indet indicated
ined infratrib isolate jahr juvenile kingdom klasse larva larvae lineage lines manuscript metagenome mihi missing mixed
mixture mnpv morphotype near nearby nomen none nonn nonsense nothosp nothosubsp nothovar npv nsp nspp nudum null nymph
okay order ordnung orth ours particle phylum plant possible possibly preoccupied prion probable probably prope provided
pupa recorded reich sample sauf sect section sedis seem seems sensu ser series serotype several snpv sort spec species
stamm stirps subclass subfam subfamily subg subgen subgenus subkingdom suborder subphylum subsect subsection subser
subseries subspecies subtr subtrib subtribe supersect supersp superspecies supertrib suprasect symbiont symbionts
synonym taxon tinfr tours trib tribe typ type unaccepted unassigned uncertain unclassified unclear uncultivated
uncultured undefinable undescribed undet undetermined unid unident unidentified unknown unnamed unplaced unpublished
unranked unser unsorted unspecified various verified vide xxxx xxxxx xxxxxx xxxxxxx xxxxxxxx year
about accepted after again agent allow already also although anybody assuming because before below beneath dont didnt
each else even ever except going habe habt hello into just know last lest like many maybe mean more most mostly nobody
noone not nothing often only other others over quit quite rather really says serious shall shit since such sure than
thank thanks that their them then there these they think this though till towards twice under unless until well were
what whatever when whenever where whereas wherever whether which whichever while whoever whom whomever whose will with
within without wonder would your yours
desconhecida desconhecido desconocida desconocido identificada identificado inconnue indetermine life nan nil okand
onbekend sconosciuta sconosciuto spp tba tbd unbekannt unbestimmt
autre avec bien butt cent cher comme denn doch eine einem einer elle erst ganz gern kein leur mein mich nach nein noch
sehr sein soll sind tous tout viel vous weil weird weit werde wird zwar
"""
_RANKS_BELOW = """
aberration biovar conv convar fma form forma infrasp lus lusus microg mod monstr morph morpha morphovar mut mutatio nat
natio pathovar phagovar prol proles serovar ssp sssp str strain subf subforma subsp subspec subv subvar var variety
"""
_WORDS = (*_STOP_WORDS.split(), *_RANKS_BELOW.split(), *(f"n{word}" for word in _RANKS_BELOW.split()))
"""An n before a word for a rank below species says that it is a hybrid's ("nsubsp."), as "notho" does."""
_TAILS = (
    "virus", "viruses", "viridae", "virinae", "virales", "viricetes", "viricota", "viricotina", "viricetidae", "vir",
    "vira", "virae", "viria", "viriae", "viriti", "virites", "viretes", "virion", "virions", "virineae", "viriform",
    "viroidae", "viroinae", "phage", "phages", "viroid", "viroids", "satellite", "satellites", "satellitidae",
    "satellitinae", "phytoplasma", "phytoplasmas", "plasmid", "plasmids", "prions", "vector", "vectors",
    "particles", "replicons", "incertaesedis", "archaeote", "archaeotes", "tobedeleted",
)  # fmt: skip
_EPITHET_TAILS = ("bacteria", "bacterium", "archaeon", "symbiont", "symbionts")
"""Ends of words that a genus may have (Mycobacterium), and that behind one mean no epithet."""
_ENDINGS = f"[a-z]*(?:{'|'.join(_TAILS)})|indetermin[a-z]*|x+"
UNCLEAN_PATTERN = (
    "(?i)(?:^| )(?:" + "|".join(_WORDS) + f"|{_ENDINGS})(?: |$)| notho| [a-z]*(?:{'|'.join(_EPITHET_TAILS)})$"
)
"""Words that make a string something else than a name, or that only the parser can judge (in RE2 syntax)."""

_CLEAN, _STOP = re.compile(CLEAN_PATTERN), frozenset(_WORDS)
_BINOMIAL = re.compile(rf"([A-Z][a-z]{{2,}}) ({_EPITHET})(?: (.*))?")
_AUTHOR = r"(?:[A-Z]\.){0,2}[A-ZÅÄÖÜÉØ][a-zåäöüéèøñ]{3,}"
_SHORT = rf"(?:{_AUTHOR}\.?|L\.|DC\.)"
_TEAM = rf"{_SHORT}(?: & (?:{_AUTHOR}\.?|DC\.))?"
"""One author or two: the parser reads a last "& L." as an initial of the first."""
_YEAR = r", (?:17(?:59|[6-9]\d)|1[89]\d\d|20[01]\d)"
_SHAPES = (
    (re.compile(rf"{_AUTHOR}(?: & {_AUTHOR})?{_YEAR}"), "zoological"),
    (re.compile(rf"\({_AUTHOR}(?: & {_AUTHOR})?{_YEAR}\)"), "zoological"),
    (re.compile(_TEAM), ""),
    (re.compile(rf"\({_TEAM}\) {_TEAM}"), "botanical"),
    (re.compile(rf"{_SHORT} ex {_SHORT}"), "botanical"),
)
"""Shapes of an authorship that the parser gives back as it is, and the code of nomenclature that it then names."""
_OTHER_WORDS = """
agg aggr and anonym anonymi anonymous anonymus auctorum autor autores excl gv hortorum ht hybr mart nec nom non nov rna
sec sic syn teste
"""
_NO_AUTHORS = frozenset(_OTHER_WORDS.split())
_LETTERS = re.compile(r"[^\W\d_]+")
_ASCII_LETTERS = re.compile("[a-z]+")
"""To the parser an accented letter ends a word: in "Lögv" it sees a virus, "gv"."""


def is_clean(name: str) -> bool:
    """Return whether the strict pattern takes the name, so that it is its own canonical form; as UNCLEAN_PATTERN does.

    >>> is_clean("Puma concolor"), is_clean("Puma concolor L."), is_clean("Dengue virus"), is_clean("Puma species")
    (True, False, False, False)
    """
    if _CLEAN.match(name) is None:
        return False
    # Sets of words are ten times faster here than the pattern that whole arrays are matched with.
    genus, _, epithet = name.lower().partition(" ")
    if _stops(genus):
        return False
    return not (epithet and (_stops(epithet) or epithet.startswith("notho") or epithet.endswith(_EPITHET_TAILS)))


def _stops(word: str) -> bool:
    return word in _STOP or word.endswith(_TAILS) or word.startswith("indetermin") or not word.strip("x")


def plain_authorship(text: str) -> str | None:
    """Return the code that a plain authorship tells ('' where it tells none), or None where only the parser can judge.

    >>> plain_authorship("(Linnaeus, 1771)"), plain_authorship("(L.) Mill."), plain_authorship("Blume")
    ('zoological', 'botanical', '')
    >>> plain_authorship("auct. non L.") is None
    True
    """
    for shape, code in _SHAPES:
        if shape.fullmatch(text):
            words = {*_LETTERS.findall(text.lower()), *_ASCII_LETTERS.findall(text.lower())}
            return None if any(word in _NO_AUTHORS or _stops(word) for word in words) else code
    return None


def split_author(name: str) -> tuple[str, str]:
    """Return a clean binomial and the plain authorship behind it; the name alone where there is none for certain.

    >>> split_author("Puma concolor (Linnaeus, 1771)"), split_author("Rosa canina auct.")
    (('Puma concolor', '(Linnaeus, 1771)'), ('Rosa canina auct.', ''))
    """
    found = _BINOMIAL.fullmatch(name)
    if found is None or not found[3] or plain_authorship(found[3]) is None:
        return name, ""
    bare = f"{found[1]} {found[2]}"
    return (bare, found[3]) if is_clean(bare) else (name, "")


def parse_clean(name: str, authorship: str = "", hint: str = "") -> ParsedName | None:
    """Return the parsed name where it is certain, else None; `hint` is a rank of the vocabulary, or empty.

    >>> parse_clean("Puma concolor", "(Linnaeus, 1771)").code, parse_clean("Puma cf. concolor")
    ('zoological', None)
    """
    bare, author = name, authorship
    if not is_clean(name):
        # An authorship behind the name and another one beside it: the parser decides.
        bare, author = (name, "") if authorship else split_author(name)
        if not author:
            return None
    genus, _, epithet = bare.partition(" ")
    code = plain_authorship(author) if author else ""
    if code is None or (author and not epithet):
        return None
    return ParsedName(
        bare,
        genus if epithet or hint == "genus" else "",
        epithet,
        rank=fit_rank("species" if epithet else "", hint),
        authorship=author,
        year=last_year(author),
        code=code,
    )


def fit_rank(structural: str, hint: str) -> str:
    """Return the stated rank where the form of the name allows it, else what the form says.

    >>> fit_rank("species", "family"), fit_rank("infraspecific", "variety"), fit_rank("", "genus")
    ('species', 'variety', 'genus')
    """
    if not hint or hint == "unranked":
        return structural
    level = rank_level(hint)
    if structural in ("species", "species aggregate"):
        return hint if level in (68, 70, 80, 82) else structural
    if structural and rank_level(structural) > 70:
        return hint if level > 70 else structural
    if structural:
        return hint if 60 < level < 68 else structural
    return hint if level < 68 else ""


_YEARS = re.compile(r"\b(1[6-9]\d\d|20\d\d)\b")


def last_year(authorship: str) -> str:
    """Return the last year of an authorship, or an empty string.

    >>> last_year("(Linnaeus, 1771) Gray, 1867"), last_year("L.")
    ('1867', '')
    """
    years = _YEARS.findall(authorship)
    return years[-1] if years else ""
