"""What a record is: its basis, the category of its picture, the grade of its quality, and the ranks of its taxon."""

from __future__ import annotations

from manifests.vocabularies.vocabulary import Vocabulary

BASES = (
    *("HUMAN_OBSERVATION", "MACHINE_OBSERVATION", "OBSERVATION", "PRESERVED_SPECIMEN", "LIVING_SPECIMEN"),
    *("FOSSIL_SPECIMEN", "MATERIAL_SAMPLE", "MATERIAL_ENTITY", "MATERIAL_CITATION", "OCCURRENCE", "EVENT", "TAXON"),
    *("ORGANISM", "UNKNOWN"),
)
"""dwc:basisOfRecord as GBIF writes it; 'HumanObservation' of a record is the same."""
CATEGORIES = ("citizen", "specimen", "camera_trap", "lab", "field", "unknown")
"""What kind of picture a record has: by its source, basis of record and publisher."""
QUALITY_GRADE = Vocabulary(
    "Quality grade",
    "iNaturalist's grades, and for other sources whether an identification was reviewed",
    {
        "research": ("research grade", "research_grade"),
        "needs_id": ("needs id", "needs_id"),
        "casual": ("casual grade",),
        "verified": ("approved", "validated", "confirmed", "accepted", "reviewed", "verified by expert"),
        "unverified": ("not verified", "not reviewed", "not validated", "unreviewed", "unconfirmed", "pending"),
        "rejected": ("not accepted", "refuted"),
    },
)
"""How far an identification can be relied on, in the words of its source."""
TAXON_RANKS = (
    *("domain", "realm", "subrealm", "superkingdom", "kingdom", "subkingdom", "infrakingdom", "superphylum", "phylum"),
    *("subphylum", "infraphylum", "parvphylum", "megaclass", "superclass", "class", "subclass", "infraclass"),
    *("parvclass", "subterclass", "cohort", "subcohort", "magnorder", "superorder", "grandorder", "order", "suborder"),
    *("infraorder", "parvorder", "superfamily", "epifamily", "family", "subfamily", "infrafamily", "supertribe"),
    *("tribe", "subtribe", "infratribe", "genus", "subgenus", "infragenus", "supersection", "section", "subsection"),
    *("superseries", "series", "subseries", "species aggregate", "species", "subspecies", "infraspecific", "variety"),
    *("subvariety", "form", "subform", "cultivar", "strain", "unranked"),
)
"""Ranks that an accepted taxon may have, from the root down: the vocabulary of the taxonomies."""
