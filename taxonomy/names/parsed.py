"""A parsed name as plain data, the kinds of strings that stand where a name is expected, and GBIF's types of names."""

from __future__ import annotations

from typing import NamedTuple

KINDS = ("scientific", "hybrid", "virus", "placeholder", "otu", "informal", "cultivar", "unparsable")
"""Kinds of strings that stand where a name is expected.

scientific   a name under a code of nomenclature: uninomial, binomial, trinomial, subgenus
hybrid       a named hybrid ('Quercus × hispanica'), or a formula of two parents ('Salix aurita × S. caprea')
cultivar     a name with a cultivar epithet ('Acer campestre 'Nanum'')
informal     a name with open nomenclature: 'cf.', 'aff.', 'sp. 3', a strain or a phrase behind a taxon
virus        the name of a virus or another infectious particle, which has no Latin form of its own
otu          an operational unit: BOLD BIN, UNITE species hypothesis, GTDB species, ASV, culture accession
placeholder  says that a name is missing ('unknown', 'incertae sedis'), at most below which taxon
unparsable   anything else
"""

NAME_TYPES = ("SCIENTIFIC", "FORMULA", "INFORMAL", "PLACEHOLDER", "IDENTIFIER", "OTHER")
"""The types of names of GBIF's name parser 5."""
_TYPES = {
    "scientific": "SCIENTIFIC",
    "hybrid": "SCIENTIFIC",
    "cultivar": "SCIENTIFIC",
    "informal": "INFORMAL",
    "placeholder": "PLACEHOLDER",
    "otu": "IDENTIFIER",
    "virus": "OTHER",
    "unparsable": "OTHER",
}


class ParsedName(NamedTuple):
    """A parsed name; plain data, so that it travels between processes (a tuple is made ten times as fast as a class).

    `canonical` is the bare name parts in the spelling of the codes (see `taxonomy.names.orthography`), without rank
    markers, hybrid signs, subgenus and authors. It is empty when the string holds no name at all. For informal names it
    is what they hang off ('Oenanthe' of 'Oenanthe sp. 3', 'Parus major' of 'Parus cf. major'), for a subgenus or
    section its own name, for a hybrid formula the genus that the parents share, for OTUs and viruses the string itself.

    >>> name = ParsedName("Galega officinalis petiolata", "Galega", "officinalis", "petiolata", middle="mackayana")
    >>> name.species, name.full, name.name_type
    ('Galega officinalis', 'Galega officinalis mackayana petiolata', 'SCIENTIFIC')
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
    """What makes the name informal ('cf.', 'aff.', 'sp. 3'), the cultivar, or the whole text of a formula."""
    infrageneric: str = ""
    """Subgenus, section or series, where the name states one."""
    middle: str = ""
    """Epithets of a name with four or more parts that stand between the species and the last epithet."""
    notho: str = ""
    """The hybrid part of a named hybrid: 'generic', 'infrageneric', 'specific' or 'infraspecific'."""
    cultivar: str = ""
    parents: tuple[str, ...] = ()
    """Canonical names of the parents of a hybrid formula, in order; '?' where a parent is not named."""
    otu: str = ""
    """The operational unit that the string names, alone or behind a taxon ('Coleoptera sp. BOLD:AAV0432')."""
    code: str = ""
    """Code of nomenclature that the form of the name tells: 'zoological', 'botanical', 'bacterial', 'virus' …"""
    note: str = ""
    """Nomenclatural and taxonomic notes: 'nom. nud.', 'auct. non L.', 'sensu lato'."""
    doubtful: bool = False
    """The parser read the name, but something in it is odd."""

    @property
    def species(self) -> str:
        """The binomial, or an empty string."""
        return f"{self.genus} {self.specific_epithet}" if self.genus and self.specific_epithet else ""

    @property
    def full(self) -> str:
        """The canonical name with what it leaves out: all epithets of a long name, all parents of a formula."""
        if self.parents:
            return " × ".join(self.parents)
        if self.middle:
            return f"{self.species} {self.middle} {self.infraspecific_epithet}".rstrip()
        return self.canonical

    @property
    def is_name(self) -> bool:
        """Whether the string names a taxon in a form of Latin names, be it with open nomenclature."""
        return self.kind in ("scientific", "hybrid", "cultivar", "informal")

    @property
    def name_type(self) -> str:
        """The type that GBIF's name parser gives such a string: one of NAME_TYPES."""
        return "FORMULA" if self.kind == "hybrid" and self.parents else _TYPES[self.kind]
