"""One medium, several records: which of them speaks for it, and what is said when they contradict each other.

The same photograph comes again and again: on several EOL pages, as GBIF's copy of an iNaturalist photo, in BIOSCAN-1M
and BIOSCAN-5M. Records of one media key are brought together before any byte is fetched:

1.  Where their accepted taxa exclude each other (neither is the other, nor an ancestor of it) none of them goes on:
    neither label is silently preferred. What every record of the medium says counts, also of one that may not be used.
    When a camera trap lists the taxa in one event of its own, the picture shows several animals: multi_label. Else it
    is a conflict, which the recipe may hand on to likeness, to be lowered to the taxon that the labels share.
2.  Of the others the preferred one goes on (`pipeline.stages.preference`) and keeps the addresses of the rest as
    alternates, which fetch tries in order when the medium cannot be had at its own address.

Boxes of one frame are images of their own and are left alone. All state is in SQL tables that spill to disk.
"""

from __future__ import annotations

import duckdb

from manifests import Recipe
from pipeline.model.records import RANK_COLUMNS
from pipeline.stages.preference import preference, specificity
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
ALTERNATES = 3
"""Most further addresses at which a medium is asked for; more copies of one photograph say nothing new."""


def gather(con: duckdb.DuckDBPyConnection, recipe: Recipe, records: str, names: str, passed: str) -> None:
    """Make the temporary tables that the other functions of this module read.

    The arguments are FROM clauses: canonical records, resolved names, and the records that passed every other rule
    (record_id, source, name_id, media_key, box_x, license_family, provenance, pixels, image_id, media_id, store,
    address, host).

    -   `shared`: media_key of every medium that several records name
    -   `labels`: (media_key, accepted_id, ranks, record_id), what is said of these media, and by whom first
    -   `conflicts`: (media_key, one, one_record, two, two_record), contradictions, with a record on either side
    -   `placed`: (record_id, media_key, place), order of preference among the records that passed
    """
    ranks = ", ".join(f'n."{rank}_id"' for rank in RANK_COLUMNS)
    con.execute(_SQL("shared", records=records))
    con.execute(
        _SQL("labels", records=records, names=names, ranks=ranks, depth=specificity("n"), lineage=_lineage("n"))
    )
    con.execute(_SQL("conflicts", records=records, of_deepest=_lineage("d"), of_label=_lineage("l")))
    if recipe.likeness.label_conflict == "ancestor":
        # Their records go on one by one, to the stage that sees all labels of an image at once.
        con.execute("CREATE OR REPLACE TEMP TABLE handed_on AS SELECT media_key FROM conflicts WHERE NOT together")
        con.execute("DELETE FROM conflicts WHERE NOT together")
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE handed_on AS SELECT NULL::VARCHAR AS media_key WHERE false")
    order = preference(recipe, name="n", record="p", pixels="p.pixels")
    con.execute(_SQL("placed", passed=passed, names=names, order=order))


def _lineage(alias: str) -> str:
    return "[" + ", ".join(f'{alias}."{rank}_id"' for rank in RANK_COLUMNS) + "]"


def ended_sql(passed: str, names: str) -> str:
    """Return the query of the records that end here: row_id, outcome, evidence, other_id beside those of `passed`."""
    return _SQL("ended", passed=passed, names=names)


def kept_sql(passed: str) -> str:
    """Return the query of the records that go on, each with `alternates`: where else its medium may be had."""
    return _SQL("kept", passed=passed, most=ALTERNATES)


def media_records_sql(records: str) -> str:
    """Return the query of all records of the media that several records name, with the one that speaks for it."""
    return _SQL("media_records", records=records)
