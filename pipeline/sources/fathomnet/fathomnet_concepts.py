"""FathomNet concepts that name no organism: equipment, litter, rock and water, experiments.

FathomNet's vocabulary is that of video annotators: beside taxa it holds whatever comes before the camera. A concept is
no organism when it is one of THINGS, or when its last word, the head of an English compound, is one of HEADS. Both
lists hold words that are neither Latin epithets nor parts of the vernacular names of organisms ('red drum' is a fish).
"""

from __future__ import annotations

THINGS = frozenset(
    (
        "55-gallon drum",
        "anchor",
        "artificial reef",
        "boulder",
        "cable",
        "camera",
        "cobble",
        "free ocean co2 experiment",
        "foce",
        "gravel",
        "hydrothermal vent",
        "laser",
        "marine snow",
        "mud",
        "nonbiota",
        "physical object",
        "push core",
        "rock",
        "rov",
        "sand",
        "shipwreck",
        "substrate",
        "trash",
        "wood",
    )
)
HEADS = frozenset(
    (
        "bag",
        "bottle",
        "bubbles",
        "can",
        "cable",
        "container",
        "debris",
        "detritus",
        "equipment",
        "experiment",
        "gear",
        "instrument",
        "litter",
        "manipulator",
        "net",
        "pipe",
        "plastic",
        "rope",
        "rubbish",
        "sampler",
        "sediment",
        "tire",
        "trap",
        "trash",
        "vehicle",
        "wire",
        "wreck",
    )
)


def non_organism(concept: str | None) -> str:
    """Return why a concept names no organism; empty when it may name one.

    >>> non_organism("55-gallon drum"), non_organism("Phyllospadix-Zostera detritus")
    ('listed', 'last word: detritus')
    >>> non_organism("Octopus rubescens"), non_organism("yellow ruffled sponge"), non_organism(None)
    ('', '', '')
    """
    words = (concept or "").casefold().split()
    if not words:
        return ""
    if " ".join(words) in THINGS:
        return "listed"
    # A lone word is a thing only when it is listed: genera may be spelled like English nouns.
    return f"last word: {words[-1]}" if len(words) > 1 and words[-1] in HEADS else ""
