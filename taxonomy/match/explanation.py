"""Explain one answer: every candidate that was weighed, with the points for and against it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from taxonomy.match.evidence import COMPONENTS
from taxonomy.match.ladder import MATCH_TYPES, Trace, climb
from taxonomy.match.questions import read_questions

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy


@dataclass(frozen=True, slots=True)
class Weighed:
    """One candidate of one rung."""

    rung: str
    usage_id: str
    name: str
    authorship: str
    rank: str
    status: str
    accepted_id: str
    accepted_name: str
    classification: str
    """Kingdom to family of the accepted taxon."""
    points: tuple[tuple[str, int], ...]
    """(component, points) in the order of COMPONENTS."""
    total: int
    vetoed: bool
    """A kingdom that cannot be the same one, or an exclusion, puts it out of the question."""


def explain(taxonomy: Taxonomy, question: pa.Table) -> list[Weighed]:
    """Return every candidate that was weighed for the first row of a table of names, rung after rung, best ones first.

    The columns are those of `Taxonomy.resolve`. A usage that several rungs weighed is listed for each of them.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from taxonomy import Taxonomy, build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> asked = pa.table({"scientific_name": ["Oenanthe"], "family": ["Apiaceae"]})
    >>> [(each.accepted_id, each.total) for each in explain(Taxonomy.open(folder), asked)]
    [('bm:Plantae-Oenanthe', 124), ('bm:Animalia-Oenanthe', 84)]
    """
    trace: Trace = []
    climb(taxonomy, read_questions(question.slice(0, 1)), trace)
    strings = taxonomy.names
    weighed = []
    for rung, row, evidence, vetoed in trace:
        order = np.lexsort((row, -evidence.total, vetoed))
        for place in order.tolist():
            usage = taxonomy.usage(strings["usage_id"][int(row[place])].as_py())
            target = taxonomy.usage(usage.accepted_id or usage.usage_id)
            weighed.append(
                Weighed(
                    MATCH_TYPES[rung],
                    usage.usage_id,
                    usage.name,
                    usage.authorship,
                    usage.rank,
                    usage.status,
                    target.usage_id,
                    target.name,
                    " > ".join(name for rank, name in target.classification if rank not in ("genus", "species")),
                    tuple(zip(COMPONENTS, evidence.points[place].tolist(), strict=True)),
                    int(evidence.total[place]),
                    bool(vetoed[place]),
                )
            )
    return weighed
