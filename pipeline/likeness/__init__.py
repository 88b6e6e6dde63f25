"""Likeness: who is a duplicate, who leaks a held-out image, and the evidence; knows no Beam.

hash_set(paths)                        a folder, tar, zip or hash list as a table of hashes
find_duplicates(images)                which of them are kept, and by which kept one each other is stood for
check_leaks(train, held_out)           which training images may be held-out ones, and which items are leaked
overlap(held_out, train)               held-out taxa whose accepted species is trained on
decide_duplicates(records, node, edges, ...)      the pipeline's own decision, from pairs and labels, as `Decisions`
`pipeline.likeness.certificate.certify(run)` states and proves what a finished run guarantees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from pipeline.likeness.check import ITEMS_SCHEMA, LEAKS_SCHEMA, LeakReport, check_leaks
    from pipeline.likeness.decisions import Decision, DecisionRules, Decisions
    from pipeline.likeness.deduplicate import DECISION_SCHEMA, PAIRS_SCHEMA, Duplicates, find_duplicates
    from pipeline.likeness.duplicates import decide_duplicates
    from pipeline.likeness.edges import Edges
    from pipeline.likeness.hashing import HASHED_SCHEMA, hash_row, hash_set
    from pipeline.likeness.leak_rules import Leak
    from pipeline.likeness.sets import Picture, pictures
    from pipeline.likeness.taxa import Overlap, overlap, species_keys

__all__ = [
    "DECISION_SCHEMA",
    "HASHED_SCHEMA",
    "ITEMS_SCHEMA",
    "LEAKS_SCHEMA",
    "PAIRS_SCHEMA",
    "Decision",
    "DecisionRules",
    "Decisions",
    "Duplicates",
    "Edges",
    "Leak",
    "LeakReport",
    "Overlap",
    "Picture",
    "check_leaks",
    "decide_duplicates",
    "find_duplicates",
    "hash_row",
    "hash_set",
    "overlap",
    "pictures",
    "species_keys",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pipeline.likeness.check": ("ITEMS_SCHEMA", "LEAKS_SCHEMA", "LeakReport", "check_leaks"),
        "pipeline.likeness.decisions": ("Decision", "DecisionRules", "Decisions"),
        "pipeline.likeness.deduplicate": ("DECISION_SCHEMA", "PAIRS_SCHEMA", "Duplicates", "find_duplicates"),
        "pipeline.likeness.duplicates": ("decide_duplicates",),
        "pipeline.likeness.edges": ("Edges",),
        "pipeline.likeness.hashing": ("HASHED_SCHEMA", "hash_row", "hash_set"),
        "pipeline.likeness.leak_rules": ("Leak",),
        "pipeline.likeness.sets": ("Picture", "pictures"),
        "pipeline.likeness.taxa": ("Overlap", "overlap", "species_keys"),
    },
)
