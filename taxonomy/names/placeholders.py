"""Strings that stand where a name is missing: 'unknown', 'incertae sedis', 'sp. 3', 'Asteraceae gen. indet.'.

A placeholder may still say below which taxon the unknown thing stands; that taxon is all it is good for.
"""

from __future__ import annotations

import re

from taxonomy.names.clean_names import is_clean

_NOTHING = re.compile(
    r"(?i)^(?:n/?a|nan|na|null|none|nil|no|not|missing|various|several|mixed|blank|unid(?:ent)?|unsorted|unspecified"
    r"|environmental|metagenome|life|biota|no (?:name|data|id)|(?:not|none|environmental|undescribed) .*"
    r"|un(?:identified|known|classified|determined|cultured|placed|assigned)\b.*|incertae sedis|undet\b.*"
    r"|(?:n\.? ?)?spp?\b.*|indet\b.*|gen+\.? (?:et|and|&) .*|t\.?b\.?[ad]\.?|to be determined"
    r"|desconocid[oa]|sin identificar|no identificad[oa]|desconhecid[oa]|n[aã]o identificad[oa]|inconnue?"
    r"|non identifi[eé]e?|ind[eé]termin[eé]e?|unbekannt|unbestimmt|nicht bestimmt|onbekend|ok[aä]nd|sconosciut[oa]"
    r"|[\W_]{0,3})\.?$"
)
_MISSING = r"un(?:classified|identified|assigned|cultured|determined|known|placed|described|id|ident|det)"
_BELOW = re.compile(
    rf"^(?i:\[?{_MISSING}\]?\.?)[ -]([A-Z][a-z]{{2,}})"
    r"(?: (?i:spp?|species|genus|family|bacterium|archaeon|fungus|larvae?|sedis)\.?)?$"
)
_ABOVE = re.compile(
    r"^([A-Z][a-z]{2,}),? ?(?:\(?\(?(?:(?:ordo|ordines|famil(?:y|ies|ia|iae)|gen(?:us|era)|species) )?"
    r"(?:incertae|inc\.) ?sed(?:is|\.)?\)?\)?|unassigned|unclassified|unidentified|undetermined)$"
)
_GLUED = re.compile(r"(?i)^([a-z]{4,}?)incertaesedis$")
_SUPRA = re.compile(
    r"^([A-Z][a-z]{2,}) (?:gen|fam|ord|cl|subfam|trib|subgen)\b\.?(?! ?[A-Z])(?: (?:et|and|&))?(?: .*)?$"
)


def read_placeholder(text: str) -> tuple[str, bool]:
    """Return the taxon that a placeholder hangs off (or an empty string), and whether the text is a placeholder.

    >>> read_placeholder("unknown fungus"), read_placeholder("Asteraceae incertae sedis"), read_placeholder("Puma")
    (('', True), ('Asteraceae', True), ('', False))
    >>> read_placeholder("Unidentified Asteraceae"), read_placeholder("Uropodoideaincertaesedis")
    (('Asteraceae', True), ('Uropodoidea', True))
    """
    for form in (_ABOVE, _BELOW, _GLUED):
        found = form.match(text)
        if found:
            return (found[1] if is_clean(found[1]) else ""), True
    return "", _NOTHING.match(text) is not None


def anchored_below(text: str) -> tuple[str, str]:
    """Return the taxon and the rest of a name that says only a rank below it, else two empty strings.

    >>> anchored_below("Bufonidae gen. sp."), anchored_below("Asteraceae trib. Heliantheae")
    (('Bufonidae', 'gen. sp.'), ('', ''))
    """
    found = _SUPRA.match(text)
    return (found[1], text[found.end(1) :].strip()) if found else ("", "")
