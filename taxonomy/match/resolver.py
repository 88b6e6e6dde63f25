"""Resolve names against a built taxonomy: questions in, one row of RESOLVED_SCHEMA each out, in their order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from taxonomy.match.evidence import COMPONENTS
from taxonomy.match.hints import AGREE, DISAGREE
from taxonomy.match.ladder import MATCH_TYPES, Answers, Flag, climb
from taxonomy.match.questions import HINTS, Questions, read_questions
from taxonomy.names.ranks import SEVEN
from taxonomy.names.taxonomic_status import STATUSES

if TYPE_CHECKING:
    from taxonomy.match.lookup import Taxonomy

_STRING = pa.string()
RESOLVED_SCHEMA = pa.schema(
    [
        pa.field("name_id", _STRING),
        pa.field("scientific_name", _STRING),  # verbatim
        pa.field("canonical_name", _STRING),  # as parsed; null when the string holds no name
        pa.field("name_kind", _STRING),  # one of taxonomy.names.parse.KINDS
        pa.field("match_type", _STRING),  # one of taxonomy.match.ladder.MATCH_TYPES
        pa.field("taxonomic_status", _STRING),  # of the matched usage
        pa.field("usage_id", _STRING),
        pa.field("usage_name", _STRING),
        pa.field("usage_rank", _STRING),
        pa.field("accepted_id", _STRING),
        pa.field("accepted_name", _STRING),
        pa.field("accepted_rank", _STRING),
        *(pa.field(rank, _STRING) for rank in SEVEN),  # of the accepted taxon
        *(pa.field(f"{rank}_id", _STRING) for rank in SEVEN),
        pa.field("vernacular_name", _STRING),
        pa.field("vernacular_language", _STRING),
        pa.field("confidence", pa.int32()),  # 0 to 100
        pa.field("n_candidates", pa.int32()),  # taxa that bear the name, at the rung that decided
        pa.field("runner_up_id", _STRING),
        pa.field("runner_up_name", _STRING),
        pa.field("edit_distance", pa.int32()),  # letters by which the matched name differs; 0 for other endings too
        *(
            pa.field(f"{component}_score", pa.int32()) for component in COMPONENTS
        ),  # points; see taxonomy.match.evidence
        pa.field("hint_agreement", _STRING),  # JSON object: rank -> agree, disagree or unknown, for stated hints
        pa.field("issues", pa.list_(_STRING)),
        pa.field("taxonomy_build", _STRING),
    ]
)
"""One resolved name. `accepted_id` is null for AMBIGUOUS and NONE, and then so is the classification."""

_SAID = {AGREE: "agree", DISAGREE: "disagree"}


def resolve(taxonomy: Taxonomy, names: pa.Table) -> pa.Table:
    """Resolve names: one row of RESOLVED_SCHEMA per input row, in input order.

    Input columns (all string, all may be null or absent except scientific_name): name_id, scientific_name,
    name_authorship, rank_verbatim, and the hints kingdom, phylum, class, order, family, genus.

    Raises TaxonomyError when scientific_name is missing.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from taxonomy import Taxonomy, build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> asked = pa.table({"scientific_name": ["Felis concolor Linnaeus, 1771", "Morus", "Morus"],
    ...                   "kingdom": [None, None, "Plantae"]})
    >>> answer = resolve(Taxonomy.open(folder), asked)
    >>> answer.select(["match_type", "accepted_id"]).to_pylist()
    [{'match_type': 'EXACT', 'accepted_id': 'bm:Puma-concolor'}, {'match_type': 'AMBIGUOUS', 'accepted_id': None},
     {'match_type': 'CANONICAL', 'accepted_id': 'bm:Plantae-Morus'}]
    """
    questions = read_questions(names)
    if len(questions) == 0:
        return RESOLVED_SCHEMA.empty_table()
    answers = climb(taxonomy, questions)
    strings = taxonomy.names

    def text(column: str, rows: npt.NDArray[Any]) -> pa.Array:
        return strings[column].take(pa.array(rows, pa.int32(), mask=rows < 0)).combine_chunks()

    usage = answers.usage
    accepted = np.where(usage >= 0, taxonomy.accepted[usage], -1)
    ranks = np.where(accepted[:, None] >= 0, taxonomy.ranks[accepted], -1)
    status = pa.array(STATUSES).take(pa.array(taxonomy.status[usage].astype(np.int32), mask=usage < 0))
    columns: dict[str, Any] = {
        "name_id": questions.name_id,
        "scientific_name": questions.scientific_name,
        "canonical_name": pa.array(questions.canonical, _STRING, mask=questions.canonical == ""),
        "name_kind": pa.array(questions.kind, _STRING),
        "match_type": pa.array(MATCH_TYPES).take(pa.array(answers.match.astype(np.int32))),
        "taxonomic_status": status,
        "usage_id": text("usage_id", usage),
        "usage_name": text("name", usage),
        "usage_rank": text("rank", usage),
        "accepted_id": text("usage_id", accepted),
        "accepted_name": text("name", accepted),
        "accepted_rank": text("rank", accepted),
    }
    columns |= {rank: text("name", ranks[:, place]) for place, rank in enumerate(SEVEN)}
    columns |= {f"{rank}_id": text("usage_id", ranks[:, place]) for place, rank in enumerate(SEVEN)}
    columns |= {
        "vernacular_name": text("vernacular_name", accepted),
        "vernacular_language": text("vernacular_language", accepted),
        "confidence": pa.array(answers.confidence, pa.int32()),
        "n_candidates": pa.array(answers.candidates, pa.int32()),
        "runner_up_id": text("usage_id", answers.runner_up),
        "runner_up_name": text("name", answers.runner_up),
        "edit_distance": pa.array(answers.edits, pa.int32(), mask=usage < 0),
    }
    for place, component in enumerate(COMPONENTS):
        columns[f"{component}_score"] = pa.array(answers.points[:, place], pa.int32(), mask=usage < 0)
    columns |= {
        "hint_agreement": _agreement(questions, answers),
        "issues": _issues(answers),
        "taxonomy_build": pa.array([taxonomy.build_id] * len(questions), _STRING),
    }
    return pa.table(columns, schema=RESOLVED_SCHEMA)


def _agreement(questions: Questions, answers: Answers) -> pa.Array:
    """Return the JSON of what the stated hints say about the answer; there are few distinct ones."""
    stated = np.stack([questions.hints[hint] != "" for hint in HINTS], axis=1)
    code = np.where(stated, answers.agreement.astype(np.int64) + 1, 0) @ (4 ** np.arange(len(HINTS)))
    distinct, back = np.unique(code, return_inverse=True)
    texts = []
    for each in distinct.tolist():
        said = {}
        for place, hint in enumerate(HINTS):
            digit = each // 4**place % 4
            if digit:
                said[hint] = _SAID.get(digit - 1, "unknown")
        texts.append(json.dumps(said, separators=(",", ":")))
    return pa.array(texts, _STRING).take(pa.array(back.reshape(-1)))


def _issues(answers: Answers) -> pa.Array:
    distinct, back = np.unique(answers.flags, return_inverse=True)
    lists = [[flag.name.lower() for flag in Flag if flag.name and flag & value] for value in distinct.tolist()]
    if not answers.more:
        return pa.array(lists, pa.list_(_STRING)).take(pa.array(back.reshape(-1)))
    codes = back.reshape(-1).copy()
    for row, more in answers.more.items():
        lists.append(lists[codes[row]] + more)
        codes[row] = len(lists) - 1
    return pa.array(lists, pa.list_(_STRING)).take(pa.array(codes))
