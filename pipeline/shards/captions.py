"""The five captions of an image, in the wording that BioCLIP and BioCLIP 2 were trained on.

    sci        a photo of Procyon lotor.
    com        a photo of raccoon.
    taxon      a photo of Animalia Chordata Mammalia Carnivora Procyonidae Procyon lotor.
    sci_com    a photo of Procyon lotor with common name raccoon.
    taxon_com  a photo of Animalia ... Procyon lotor with common name raccoon.

The rules, which hold for every caption alike, so that one taxon has one string wherever it is written:

1. A missing rank (absent, empty, or a placeholder such as 'None', 'nan' or 'incertae sedis') is left out, and blanks
   never double. 'None' is never a word of a caption.
2. The species is a binomial, said once: after the family follows 'Genus epithet', and the genus of the binomial counts
   even where the lineage has no genus or another one. An epithet without a genus says nothing and is left out.
3. Authors, years, subgenera and ranks below the species are not part of a name: 'Procyon lotor (Linnaeus, 1758)' and
   'Aedes (Stegomyia) aegypti formosus' are 'Procyon lotor' and 'Aedes aegypti'. Neither 'sp.' nor a code such as
   'BOLD:AAS0189' nor an author is an epithet; hybrids keep their sign.
4. Without a species the scientific name is the name of the lowest rank there is; without a common name the scientific
   name takes its place, 'with common name' included, as in BioCLIP's own shards. Without any name it is 'an organism'.

Source: Stevens et al. 2024, "BioCLIP: A Vision Foundation Model for the Tree of Life" (CVPR), text types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UNINOMIAL_RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
_PLACEHOLDERS = frozenset(
    (
        *("none", "null", "nan", "na", "n/a", "nil", "unknown", "undefined", "incertae", "not_classified"),
        *("not-classified", "unassigned", "unclassified", "unidentified", "undetermined", ""),
    )
)
# Words in lower case that follow a name and are no epithet: rank markers, doubt, and particles of authors' names.
_NOT_EPITHETS = _PLACEHOLDERS | frozenset(
    (
        *("sp", "spp", "ssp", "subsp", "var", "subvar", "fo", "forma", "cf", "aff", "nr", "near", "gen", "nov"),
        *("indet", "sensu", "auct", "auctt", "nec", "non", "et", "ex", "in", "emend", "bis"),
        *("de", "del", "della", "den", "der", "des", "di", "do", "dos", "du", "el", "la", "le", "les"),
        *("te", "ten", "ter", "van", "von", "zu", "zum", "zur"),
    )
)
_EPITHET = re.compile(r"[^\W\d_]{2,}(?:-[^\W\d_]+)*|[^\W\d_](?:-[^\W\d_]+)+")
_GENUS = re.compile(r"×?[^\W\d_]+(?:-[^\W\d_]+)*")
_HYBRID_SIGNS = ("×", "x", "X")
_TWO_WORDS = ("×", "Candidatus")  # begin a name of two words
_EDGES = ".,;:?!()[]{}'\"-"
_LONGEST_COMMON = 100  # characters; what is longer is a remark, not a name
_NO_NAME = "an organism"


@dataclass(frozen=True, slots=True)
class TaxonNames:
    """The names of a taxon as captions use them."""

    scientific: str
    """The binomial, or the name of the lowest rank."""
    taxonomic: str
    """All ranks from the kingdom down."""
    tagged: str
    """The same, each after the word for its rank."""
    common: str
    """The common name, or the scientific one in its place."""


@dataclass(frozen=True, slots=True)
class Captions:
    """The captions of one image, by BioCLIP's text types."""

    sci: str
    com: str
    taxon: str
    sci_com: str
    taxon_com: str

    @property
    def default(self) -> str:
        """The caption of loaders that read one: `taxon_com`."""
        return self.taxon_com

    def members(self) -> tuple[tuple[str, bytes], ...]:
        """Return the shard members that BioCLIP 2's loader reads, as (suffix, UTF-8 bytes).

        >>> captions({"genus": "Procyon"}, None).members()[0]
        ('sci.txt', b'a photo of Procyon.')
        """
        return (
            ("sci.txt", self.sci.encode()),
            ("com.txt", self.com.encode()),
            ("taxon.txt", self.taxon.encode()),
            ("sci_com.txt", self.sci_com.encode()),
            ("taxon_com.txt", self.taxon_com.encode()),
        )


def captions(lineage: Mapping[str, str | None], vernacular: str | None) -> Captions:
    """Return the captions of a taxon from its seven ranks (accepted usage, canonical names) and its common name.

    `lineage` maps 'kingdom' ... 'species' to names; the species is a binomial, or an epithet beside a genus. Other keys
    are ignored. Any text is accepted; the module's rules say what becomes of it.

    >>> found = captions({"family": "Procyonidae", "genus": "Procyon", "species": "Procyon lotor"}, "raccoon")
    >>> found.default
    'a photo of Procyonidae Procyon lotor with common name raccoon.'
    >>> captions({"kingdom": "Animalia", "family": "Felidae"}, None).com
    'a photo of Felidae.'
    """
    names = taxon_names(lineage, vernacular)
    scientific, taxonomic, common = names.scientific, names.taxonomic, names.common
    return Captions(
        sci=f"a photo of {scientific}.",
        com=f"a photo of {common}.",
        taxon=f"a photo of {taxonomic}.",
        sci_com=f"a photo of {scientific} with common name {common}.",
        taxon_com=f"a photo of {taxonomic} with common name {common}.",
    )


def taxon_names(lineage: Mapping[str, str | None], vernacular: str | None) -> TaxonNames:
    """Return the names that captions are made of, by the module's rules; the arguments are those of `captions`.

    >>> taxon_names({"family": "Procyonidae", "genus": "Procyon", "species": "Procyon lotor"}, "raccoon").tagged
    'family Procyonidae genus Procyon species lotor'
    """
    names = [_uninomial(lineage.get(rank)) for rank in _UNINOMIAL_RANKS]
    genus, epithet = _species(lineage.get("species"), names[-1])
    names[-1] = genus
    words = [(rank, name) for rank, name in zip((*_UNINOMIAL_RANKS, "species"), (*names, epithet), strict=True) if name]
    lowest = next((name for name in reversed(names) if name), _NO_NAME)
    scientific = f"{genus} {epithet}" if epithet else lowest
    return TaxonNames(
        scientific=scientific,
        taxonomic=" ".join(name for _, name in words) or _NO_NAME,
        tagged=" ".join(f"{rank} {name}" for rank, name in words) or _NO_NAME,
        common=_common(vernacular) or scientific,
    )


def _words(text: str | None) -> list[str]:
    """Split a text at blanks and all that does not print."""
    return "".join(character if character.isprintable() else " " for character in text or "").split()


def _is_placeholder(word: str) -> bool:
    return word.strip(_EDGES).lower() in _PLACEHOLDERS


def _uninomial(text: str | None) -> str:
    """Return the name of a rank above species without authorship; '' where there is none."""
    words = _words(text)
    name = words[: 2 if words and words[0] in _TWO_WORDS else 1]
    return "" if any(map(_is_placeholder, name)) else " ".join(name).rstrip(".,;")


def _species(text: str | None, genus: str) -> tuple[str, str]:
    """Return genus and epithet of a species; where no epithet is stated, the genus stays as the lineage has it."""
    own, rest = _leading_genus(_words(text))
    sign = ""
    if rest and rest[0] in _HYBRID_SIGNS:
        sign, rest = "× ", rest[1:]
    elif rest and rest[0].startswith("×"):
        sign, rest = "× ", [rest[0][1:], *rest[1:]]
    if not (own or genus) or not rest or not _is_epithet(rest[0]):
        return genus, ""
    return own or genus, sign + rest[0]


def _leading_genus(words: list[str]) -> tuple[str, list[str]]:
    """Split a species into its genus, '' where it begins with the epithet, and what follows genus and subgenus."""
    length = 2 if words and words[0] in _TWO_WORDS else 1
    head = words[:length]
    if len(head) < length or not _GENUS.fullmatch(head[-1]) or not head[-1].lstrip("×")[:1].isupper():
        return "", words
    if any(map(_is_placeholder, head)):
        return "", []
    rest = words[length:]
    if rest and rest[0].startswith("(") and rest[0].endswith(")"):
        rest = rest[1:]
    return " ".join(head), rest


def _is_epithet(word: str) -> bool:
    return _EPITHET.fullmatch(word) is not None and word.islower() and word not in _NOT_EPITHETS


def _common(text: str | None) -> str:
    """Return a common name on one line without a closing full stop; '' where there is none."""
    words = _words(text)
    name = " ".join(words).rstrip(" .")
    if _is_placeholder(name) or "None" in words or len(name) > _LONGEST_COMMON:
        return ""
    return name
