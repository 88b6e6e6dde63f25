"""What is this? Name, sizes, and that every row has an end."""

from __future__ import annotations

import math

from pipeline.cards.sections.section import Asked, Numbers, Section, Words, agree, count, percent
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)


def top(asked: Asked) -> Section:
    """Return the section: six numbers and the balance of the ledger."""
    rows, kept, sources = asked.one(_SQL("rows"))
    taxa, effective = asked.one(_SQL("taxa"))
    releases = asked.one("SELECT count(*) FROM shown_releases")[0]
    builds = [str(build) for (build,) in asked.rows("SELECT DISTINCT taxonomy_build FROM names ORDER BY 1")]
    effective = 0.0 if effective is None or math.isnan(effective) else round(float(effective), 1)
    facts = {
        "rows": rows,
        "kept": kept,
        "taxa": taxa,
        "effective_taxa": effective,
        "sources": sources,
        "releases": releases,
        "taxonomy_builds": builds,
    }
    numbers = Numbers(
        (
            ("rows in", rows),
            ("images kept", kept),
            ("taxa", taxa),
            ("effective taxa", int(effective) if effective == int(effective) else effective),
            ("sources", sources),
            ("releases", releases),
        )
    )
    balance = (
        f"{count(rows, 'row')} = {kept:,} kept + {rows - kept:,} ended, each with its reason: the ledger balances."
    )
    lines = [balance]
    if taxa:
        lines.append(
            f"Effective taxa are exp(Shannon): as many equally common taxa would be as diverse ({effective:,})."
        )
    lines += [f"Names were matched against the taxonomy build {build}." for build in builds]
    answer = (
        f"{count(kept, 'image')} of {count(taxa, 'taxon', 'taxa')} {agree(kept, 'was', 'were')} kept, "
        f"{percent(kept, rows)} of {count(rows, 'input row')}."
    )
    if not kept:
        answer = f"This run kept no image of {count(rows, 'input row')}: it is no dataset."
    return Section("top", "What is this?", answer, (numbers, Words(tuple(lines))), facts, warns=not kept)
