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
    # A label between two main ranks (a subspecies, a subfamily) is deeper than the taxon of the rank above it.
    lineage = _lineage("n")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE shared AS
        SELECT media_key FROM {records} WHERE media_key <> '' AND box_x IS NULL
        GROUP BY 1 HAVING min(record_id) <> max(record_id)""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE labels AS
        SELECT r.media_key, n.accepted_id, {ranks}, min(r.record_id) AS record_id, {specificity("n")} AS depth,
               NOT list_contains({lineage}, n.accepted_id) AS between_ranks
        FROM {records} r SEMI JOIN shared USING (media_key) JOIN {names} n USING (name_id)
        WHERE r.box_x IS NULL AND n.accepted_id IS NOT NULL AND n.match_type IS DISTINCT FROM 'AMBIGUOUS'
          AND r.media_type IN ('StillImage', 'Unknown') AND upper(coalesce(r.occurrence_status, 'PRESENT')) <> 'ABSENT'
        GROUP BY ALL""")
    # Labels are compatible one with another exactly when each is compatible with the deepest: ancestors of one taxon
    # lie on one line. So the work grows with the labels, not with their pairs.
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE conflicts AS
        SELECT d.media_key, any_value(d.accepted_id) AS one, any_value(d.record_id) AS one_record,
               min(l.accepted_id) AS two, arg_min(l.record_id, l.accepted_id) AS two_record,
               list(l.accepted_id ORDER BY l.accepted_id) AS others, any_value(o.together) AS together
        FROM (SELECT * FROM labels QUALIFY row_number() OVER (PARTITION BY media_key
                                             ORDER BY depth DESC, between_ranks DESC, accepted_id) = 1) d
        JOIN labels l USING (media_key)
        JOIN (SELECT media_key, count(DISTINCT source || ':' || coalesce(nullif(occurrence_key, ''), record_id)) = 1
                     AND bool_and(image_category IS NOT DISTINCT FROM 'camera_trap') AS together
              FROM {records} SEMI JOIN shared USING (media_key) WHERE box_x IS NULL GROUP BY 1) o USING (media_key)
        WHERE NOT (l.accepted_id = d.accepted_id OR list_contains({_lineage("d")}, l.accepted_id)
                   OR list_contains({_lineage("l")}, d.accepted_id))
        GROUP BY d.media_key""")
    if recipe.likeness.label_conflict == "ancestor":
        # Their records go on one by one, to the stage that sees all labels of an image at once.
        con.execute("CREATE OR REPLACE TEMP TABLE handed_on AS SELECT media_key FROM conflicts WHERE NOT together")
        con.execute("DELETE FROM conflicts WHERE NOT together")
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE handed_on AS SELECT NULL::VARCHAR AS media_key WHERE false")
    order = preference(recipe, name="n", record="p", pixels="p.pixels")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE placed AS
        SELECT p.record_id, p.media_key, row_number() OVER (PARTITION BY p.media_key ORDER BY {order}) AS place
        FROM {passed} p SEMI JOIN shared USING (media_key)
        ANTI JOIN conflicts USING (media_key) ANTI JOIN handed_on USING (media_key) JOIN {names} n USING (name_id)
        WHERE p.box_x IS NULL""")


def _lineage(alias: str) -> str:
    return "[" + ", ".join(f'{alias}."{rank}_id"' for rank in RANK_COLUMNS) + "]"


def ended_sql(passed: str, names: str) -> str:
    """Return the query of the records that end here: row_id, outcome, evidence, other_id beside those of `passed`."""
    return f"""
        SELECT p.*, p.record_id AS row_id,
               CASE WHEN c.together THEN 'multi_label' ELSE 'media_label_conflict' END AS outcome,
               to_json({{'rule': CASE WHEN c.together THEN 'several organisms in one occurrence'
                                      ELSE 'one medium, labelled differently' END,
                         'value': p.media_key, 'taxa': [c.one, c.two]}})::VARCHAR AS evidence,
               CASE WHEN list_contains(c.others, n.accepted_id) THEN c.one_record ELSE c.two_record END AS other_id
        FROM {passed} p JOIN conflicts c USING (media_key) JOIN {names} n USING (name_id) WHERE p.box_x IS NULL
        UNION ALL
        SELECT p.*, p.record_id, 'same_medium', to_json({{'rule': 'media key', 'value': p.media_key}})::VARCHAR,
               chosen.record_id
        FROM {passed} p JOIN placed USING (record_id)
        JOIN placed chosen ON chosen.media_key = placed.media_key AND chosen.place = 1
        WHERE placed.place > 1"""


def kept_sql(passed: str) -> str:
    """Return the query of the records that go on, each with `alternates`: where else its medium may be had."""
    return f"""
        WITH addresses AS (
          SELECT q.media_key, q.media_id, min(q.place) AS place, any_value(q.image_id) AS image_id,
                 any_value(q.store) AS store, any_value(q.address) AS address, any_value(q.host) AS host
          FROM (SELECT p.*, placed.place FROM {passed} p JOIN placed USING (record_id)) q GROUP BY ALL),
        alternates AS (
          SELECT media_key, list({{'image_id': image_id, 'media_id': media_id, 'store': store, 'address': address,
                                   'host': host}} ORDER BY place)[:{ALTERNATES}] AS alternates
          FROM addresses WHERE place > 1 GROUP BY 1)
        SELECT p.*, a.alternates
        FROM {passed} p
        LEFT JOIN placed USING (record_id)
        ANTI JOIN (SELECT media_key, true AS whole FROM conflicts) c
          ON c.media_key = p.media_key AND p.box_x IS NULL
        LEFT JOIN alternates a ON a.media_key = p.media_key AND placed.place = 1
        WHERE coalesce(placed.place, 1) = 1"""


def media_records_sql(records: str) -> str:
    """Return the query of all records of the media that several records name, with the one that speaks for it."""
    return f"""
        SELECT r.media_key, r.record_id, r.source, chosen.record_id AS kept_id,
               coalesce(l.taxa, 0) > 1 AS label_conflict
        FROM (SELECT DISTINCT media_key, record_id, source FROM {records} SEMI JOIN shared USING (media_key)
              WHERE box_x IS NULL) r
        LEFT JOIN placed chosen ON chosen.media_key = r.media_key AND chosen.place = 1
        LEFT JOIN (SELECT media_key, count(DISTINCT accepted_id) AS taxa FROM labels GROUP BY 1) l
          ON l.media_key = r.media_key"""
