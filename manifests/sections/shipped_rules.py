"""The rules on pictures that ship with the package: conditions by name, and what is known of how often each is wrong.

A rule is a condition as `where` is one, so that its evidence names values and threshold in the same way. What it says
of records is asked before fetch, what it says of pictures after it. None holds unless a recipe names it; one whose
errors were not measured on real input says so wherever it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DETECTOR = "detector"
"""The scores that rules on a detector's results read, by the name of their [[scores]] table."""
_PEOPLE = "'(human|humans|person|people|man|woman|child|homo sapiens)'"
_EMPTY = "'(empty|blank|no animal|none|nothing|background|false trigger)'"


@dataclass(frozen=True, slots=True)
class ShippedRule:
    """One rule that ships with the package."""

    condition: str
    """What is kept, as `where` of a recipe would say it."""
    scores: str = ""
    """The scores that it reads; '' for none."""
    unmeasured: str = ""
    """What of its errors is not known for want of real input; '' where both were measured."""


def _label(words: str) -> str:
    """Return the condition that neither name of a record is one of some words."""
    return " AND ".join(
        f"NOT coalesce(regexp_full_match(lower(trim({column})), {words}), false)"
        for column in ("records.vernacular_name", "records.scientific_name")
    )


SHIPPED_RULES: Mapping[str, ShippedRule] = MappingProxyType(
    {
        "no-blanks": ShippedRule("media.contrast >= 8 AND media.entropy >= 3"),
        "no-blurred": ShippedRule("media.sharpness >= 100"),
        "no-frames": ShippedRule("media.border_share <= 0.5"),
        "no-dark-or-glaring": ShippedRule("media.brightness BETWEEN 15 AND 240"),
        "no-labels": ShippedRule("subject_words IS NULL"),
        "no-text": ShippedRule(
            "media.entropy >= 6.6 OR media.colourfulness >= 25 OR media.sharpness < 3000 "
            "OR (media.sharpness < 8000 AND media.aspect < 1.6)"
        ),
        "no-people": ShippedRule(f"coalesce(names.genus <> 'Homo', true) AND {_label(_PEOPLE)}"),
        "no-people-detected": ShippedRule(
            f"coalesce({DETECTOR}.person < 0.2, true)", DETECTOR, "no results of a detector with people were at hand"
        ),
        "no-tiny-subjects": ShippedRule(
            "coalesce(box_w * box_h >= 0.001 * media_width::DOUBLE * media_height::DOUBLE, true)"
        ),
        "no-tiny-subjects-detected": ShippedRule(
            f"coalesce({DETECTOR}.largest_box_share = 0 OR {DETECTOR}.largest_box_share >= 0.001, true)",
            DETECTOR,
            "no results of a detector were at hand",
        ),
        "no-empty-frames": ShippedRule(
            _label(_EMPTY), unmeasured="sources of camera traps end such labels by themselves, and others had none"
        ),
        "no-empty-frames-detected": ShippedRule(
            f"coalesce({DETECTOR}.animal >= 0.2, true)",
            DETECTOR,
            "no results of a detector on empty frames were at hand",
        ),
        "no-still-frames": ShippedRule(
            "coalesce(burst.distance >= 16, true)",
            unmeasured="no bursts of empty frames were at hand, and animals that keep still end with them",
        ),
    }
)
"""By name; docs/quality.md says how often each was found to be wrong."""
