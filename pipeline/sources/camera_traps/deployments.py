"""What all camera trap sources share: labels that are no animal, and sequences whose key says nothing.

Camera traps are labelled by hand and by machines with words of each project's own. The words below are those of LILA's
data sets and of Camtrap DP; any other label is a name, to be resolved or to stay unresolved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from pipeline.model.outcomes import Outcome
from pipeline.sources.mapping import columns as c
from pipeline.sources.mapping.endings import Ending

NOT_ANIMALS: Mapping[Outcome, tuple[str, ...]] = {
    Outcome.HUMAN: (
        *("human", "humans", "person", "people", "man", "woman", "child", "pedestrian", "homo", "homo sapiens"),
        *("hominidae homo", "hiker", "hunter", "human calibration", "setup pickup", "setup", "start", "end"),
    ),
    Outcome.VEHICLE: (
        *("vehicle", "vehicles", "car", "truck", "bus", "motorcycle", "motorbike", "bicycle", "bike", "atv", "boat"),
        *("human vehicle", "all terrain vehicle"),
    ),
    Outcome.BLANK: (
        *("empty", "blank", "no animal", "none", "nothing", "background", "false trigger", "misfire", "malfunction"),
        *("no cv result", "snow on lens"),
    ),
}
"""Labels, folded as `folded` does, by how their rows end. Set-up pictures show the people who set up the camera."""
_RULES = {
    Outcome.HUMAN: "the label is a person's, or of setting up the camera",
    Outcome.VEHICLE: "the label is a vehicle's",
    Outcome.BLANK: "the label says that nothing is to be seen",
}
_OF_LABEL = {label: outcome for outcome, labels in NOT_ANIMALS.items() for label in labels}
_NO_KEY = frozenset({"", "unknown", "none", "null", "nan", "n/a", "na", "-1"})


def folded(label: str) -> str:
    """Return a label in lower case, its words separated by single blanks.

    >>> folded("Homo_sapiens"), folded(" false-trigger")
    ('homo sapiens', 'false trigger')
    """
    return re.sub(r"[\s_\-/]+", " ", label).strip().lower()


def outcome_of(*labels: str) -> Outcome | None:
    """Return the outcome of a picture that is labelled as no animal; of several labels, a person's counts first.

    >>> outcome_of("empty"), outcome_of("Homo sapiens", "animal"), outcome_of("red deer")
    (<Outcome.BLANK: ...>, <Outcome.HUMAN: ...>, None)
    """
    found = {_OF_LABEL.get(folded(label)) for label in labels}
    return next((outcome for outcome in NOT_ANIMALS if outcome in found), None)


def label_endings(shown: pa.Array, labels: Sequence[pa.Array]) -> list[Ending]:
    """Return the endings of rows whose labels, any of them, are no animal; `shown` is the evidence."""
    outcomes, index = c.per_distinct(outcome_of, *labels)
    places = np.asarray(index)
    return [
        Ending(outcome, np.array([found is outcome for found in outcomes], dtype=bool)[places], _RULES[outcome], shown)
        for outcome in NOT_ANIMALS
    ]


def known_keys(keys: pa.Array) -> pa.Array:
    """Return the keys of sequences; null where the key says that there is none, such as `ENA24 : unknown`.

    >>> known_keys(pa.array(["ENA24 : unknown", "ENA24 : s1", "-1", None])).to_pylist()
    [None, 'ENA24 : s1', None, None]
    """

    def known(key: str) -> str:
        return "" if key.rsplit(" : ", 1)[-1].strip().lower() in _NO_KEY else key

    found, index = c.per_distinct(known, keys)
    return c.take(found, index)
