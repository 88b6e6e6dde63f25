"""GBIF's name parser behind our plain data, with the rules for what it leaves open.

The parser (`gbif-name-parser`, module `nameparser`) gives objects that cannot be pickled, and leaves name parts as they
are spelt; here they become a ParsedName in the spelling of the codes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import nameparser

from taxonomy.names.clean_names import fit_rank, is_clean, last_year
from taxonomy.names.formulas import read_formula
from taxonomy.names.orthography import spell
from taxonomy.names.parsed import ParsedName
from taxonomy.names.ranks import normalise_rank, rank_level

Parse = Callable[[str], ParsedName]
_MARK = re.compile(r"(?i)\s(aff|cf|nr)\.?\s")
_QUALIFIERS = {"cf": "cf.", "confer": "cf.", "aff": "aff.", "nr": "nr.", "near": "nr.", "prope": "nr."}
_REMOVED = re.compile(r"^Removed: (?:[a-z.]+ )*?([a-z][a-z-]+)$")
_PARTICLES = re.compile(r" (?:prions|plasmids?|vectors|particles|replicons)$")
_INFECTIOUS = re.compile(r"(?i)vir(?:us|oid)|phage\b")
_NUCLEIC = re.compile(r"[DR]NA\d*\b")
_DIGIT_OR_MARK = re.compile(r"[\d'’`]")
_BELOW = re.compile(r"(?i)^[a-z]+(?: [a-z-]+)?,?[ (]+(?:inc(?:ertae|\.)|indet|undet|un[a-z]+ed\b|unknown)")
_CLADE = re.compile(r"(?i)^(Candidatus [A-Z][a-z]+(?: [a-z]{3,})?) (clade .+)$")


def parse_with_gbif(name: str, authorship: str, hint: str, again: Parse) -> ParsedName:
    """Return the parsed name; `hint` is a rank of the vocabulary or empty, `again` parses the parents of a formula."""
    try:
        parsed = nameparser.parse(name, authorship or None)
    except nameparser.UnparsableNameError as error:
        return _unparsable(name, error, again)
    if isinstance(parsed, nameparser.Informal):
        return _informal(parsed)
    genus, epithet = spell(parsed.genus or ""), spell(parsed.specific_epithet or "")
    infra, section = spell(parsed.infraspecific_epithet or ""), spell(parsed.infrageneric_epithet or "")
    first = parsed.genus or parsed.uninomial or ""
    if _DIGIT_OR_MARK.search(first) or _NUCLEIC.search(first):
        # No code allows digits or apostrophes in a genus: this is a vernacular name, a code, or an error of OCR.
        return ParsedName("", kind="unparsable")
    if _PARTICLES.search(name):
        return ParsedName(name, kind="virus", code="virus")
    coded = next((part for part in (epithet, infra) if any(letter.isdigit() for letter in part)), "")
    if coded:
        # Numerals that begin an epithet are words by now: what still holds a digit is a code ('jorge141').
        known = f"{genus} {epithet}" if coded != epithet else genus
        return ParsedName(known, genus, "" if coded == epithet else epithet, kind="informal", qualifier=coded)
    capital = infra if infra[:1].isupper() else ""
    if capital:  # a serovar ('Fugis') or an unnamed variety ('var. B'), which no code takes for an epithet
        infra = ""
    canonical = " ".join(part for part in (genus, epithet, infra) if part)
    if not epithet and not infra:
        canonical = section or spell(parsed.uninomial or "") or genus
    if not canonical:
        return ParsedName("", kind="unparsable")
    own = normalise_rank(str(parsed.rank)) or ""
    given = authorship or " ".join((parsed.authorship_complete() or "").split())
    kind, qualifier = _kind(parsed, name)
    middle = [found[1] for found in map(_REMOVED.match, parsed.warnings) if found]
    return ParsedName(
        canonical,
        genus or (canonical if hint == "genus" else ""),
        epithet,
        infra,
        fit_rank(_structural(own, epithet, infra, section), hint),
        given,
        last_year(given),
        kind,
        qualifier,
        infrageneric=section,
        middle=" ".join(spell(word) for word in middle) if infra else "",
        notho=(parsed.notho or [""])[0].lower(),
        cultivar=" ".join((parsed.cultivar_epithet or "").split()),
        code=(parsed.code or "").lower(),
        note="; ".join(filter(None, (parsed.nomenclatural_note, parsed.taxonomic_note, capital))),
        doubtful=bool(parsed.doubtful or parsed.state != "COMPLETE"),
    )


def _structural(own: str, epithet: str, infra: str, section: str) -> str:
    """Return the rank that the parts say, more exactly where the parser read a marker of it."""
    level = rank_level(own) if own else 0
    if infra:
        return own if level > 70 else "infraspecific"
    if epithet:
        return own if own == "species aggregate" else "species"
    if section:
        return own if 60 < level < 68 else "subgenus"
    return ""


def _kind(parsed: nameparser.ParsedName, name: str) -> tuple[str, str]:
    """Return kind and qualifier of a name that the parser took apart."""
    kind, qualifier = "scientific", ""
    if parsed.notho:
        kind = "hybrid"
    elif parsed.type == "INFORMAL" or parsed.epithet_qualifier:
        kind = "informal"
        marks = sorted((parsed.epithet_qualifier or {}).values())
        qualifier = " ".join(_QUALIFIERS.get(mark.rstrip(".").lower(), mark) for mark in marks)
        qualifier = qualifier or " ".join((parsed.phrase or "").split())
    elif parsed.cultivar_epithet:
        kind, qualifier = "cultivar", " ".join(parsed.cultivar_epithet.split())
    elif parsed.type != "SCIENTIFIC":
        kind = "unparsable"
    mark = _MARK.search(name)
    if mark and kind == "scientific":
        kind, qualifier = "informal", mark[1].lower() + "."
    return kind, qualifier


def _informal(parsed: nameparser.Informal) -> ParsedName:
    anchor = " ".join(spell(word) for word in parsed.taxon.split())
    phrase = " ".join((parsed.phrase or "").split())
    return ParsedName(
        anchor,
        anchor if parsed.taxon_rank == "GENUS" else "",
        kind="informal",
        qualifier=_QUALIFIERS.get(phrase.rstrip(".").lower(), phrase),
        code=(parsed.code or "").lower(),
    )


def _unparsable(name: str, error: nameparser.UnparsableNameError, again: Parse) -> ParsedName:
    if error.name_type == "FORMULA":
        return read_formula(name, again)
    if error.code == "VIRUS" or _INFECTIOUS.search(name):
        return ParsedName(name, kind="virus", code="virus")
    first = name.split(" ")[0]
    anchored = " " in name and (is_clean(first) or first.endswith("archaeote"))
    if error.name_type == "PLACEHOLDER":
        # 'Aves incertae sedis' still says Aves; 'unknown fungus' says nothing that a taxonomy holds.
        below = anchored and _BELOW.match(name) is not None
        return ParsedName(first if below else "", kind="placeholder", qualifier=name)
    if error.name_type == "IDENTIFIER":
        if anchored:  # 'Crenarchaeote enrichment culture clone OREC-B1022'
            return ParsedName(first, kind="informal", qualifier=name[len(first) + 1 :])
        return ParsedName(name.upper(), kind="otu", otu=name.upper())
    clade = _CLADE.match(name)
    if clade:
        whole = again(clade[1])
        return ParsedName(
            whole.canonical, whole.genus, whole.specific_epithet, kind="informal", qualifier=clade[2], code="bacterial"
        )
    return ParsedName("", kind="unparsable")
