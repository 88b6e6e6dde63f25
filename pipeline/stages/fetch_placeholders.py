"""Placeholders: the picture that a host gives, with status 200, in the place of the one that was asked for.

No answer says of itself that it is one; many answers together do. Over all units of a fetch, the stored images of a
host are brought together by the bytes that came, and by the address that a redirect led to. A group is a placeholder
when it holds the answers of `fetch.placeholder_addresses` or more pictures, asked for by records of at least GENERA
accepted taxa of different genera. What may honestly bear one picture does not count as several:

-   addresses that differ by a size alone (`pipeline.media.images.variants`) or have one media key are one picture;
-   an occurrence of several genera is a sheet or a frame of several organisms, and so is an address: what they show is
    no evidence;
-   boxes of a frame are parts of one picture; where whole images decide that it is a placeholder, boxes end with it;
-   a taxon above the genus counts where no other of the group stands below it.

Bytes that the recipe lists (`fetch.placeholders`) need no company. The tables are temporary ones of the connection:
`placeholders`, one row per image, and `placeholder_groups`, the evidence.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from manifests import FetchRules
from pipeline.media.images.variants import picture_of
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql

GENERA = 3
"""Least accepted taxa of different genera that one picture cannot be honest for."""
SHOWN = 5
"""Addresses and taxa of a group that are listed as examples."""
LISTED, BYTES, ADDRESS = "listed", "same bytes", "same final address"
"""Rules, in the order in which an image that several apply to is said to be one by."""

_IMAGES = "image_id VARCHAR, media_id VARCHAR, rule VARCHAR, host VARCHAR, value VARCHAR"
_GROUPS = (
    "rule VARCHAR, host VARCHAR, value VARCHAR, addresses BIGINT, images BIGINT, genera BIGINT, taxa VARCHAR[], "
    "examples VARCHAR[], shown VARCHAR"
)
_ABOVE = ("kingdom_id", "phylum_id", "class_id", "order_id", "family_id")


def begin(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty tables, and the function `picture_of`, on a connection."""
    con.create_function("picture_of", picture_of, ["VARCHAR"], "VARCHAR")
    con.execute(f"CREATE OR REPLACE TEMP TABLE placeholders ({_IMAGES})")
    con.execute(f"CREATE OR REPLACE TEMP TABLE placeholder_groups ({_GROUPS})")


def decide(con: duckdb.DuckDBPyConnection, asked: str, media: str, names: str, rules: FetchRules) -> int:
    """Add to the tables what is a placeholder among the stored media; return the number of images that are new.

    `asked`: candidates; `media`: unit files as they were written; `names`: resolved names; all FROM clauses. An image
    that was decided stays so: the answer depends on what was asked for, never on the order of the answers.
    """
    if not rules.placeholder_addresses and not rules.placeholders:
        return 0
    gather_alike(con, media, rules)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE asks AS
        SELECT k.rule, k.host, k.value, a.box, a.occurrence, n.accepted_name,
               CASE WHEN coalesce(a.media_key, '') = '' OR starts_with(a.media_key, 'url:')
                    THEN picture_of(a.address) ELSE a.media_key END AS picture,
               coalesce(n.genus_id, {", ".join(f"n.{rank}" for rank in reversed(_ABOVE))}, n.accepted_id) AS genus,
               [{", ".join(f"n.{rank}" for rank in _ABOVE)}] AS lineage
        FROM alike k JOIN ({_addresses(asked)}) a USING (image_id) JOIN {names} n USING (name_id)""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE found AS
        WITH clear AS (
          SELECT * FROM asks WHERE NOT box
          WINDOW of_occurrence AS (PARTITION BY rule, host, value, occurrence),
                 of_picture AS (PARTITION BY rule, host, value, picture)
          QUALIFY min(genus) OVER of_occurrence = max(genus) OVER of_occurrence
              AND min(genus) OVER of_picture = max(genus) OVER of_picture),
        above AS (SELECT DISTINCT rule, host, value, taxon AS genus FROM
                  (SELECT rule, host, value, genus, unnest(lineage) AS taxon FROM clear) WHERE taxon <> genus),
        pictures AS (SELECT rule, host, value, count(DISTINCT picture) AS pictures FROM clear GROUP BY ALL),
        genera AS (SELECT rule, host, value, count(DISTINCT genus) AS genera
                   FROM clear ANTI JOIN above USING (rule, host, value, genus) GROUP BY ALL)
        SELECT rule, host, value FROM pictures JOIN genera USING (rule, host, value)
        WHERE rule <> '{LISTED}' AND pictures >= {rules.placeholder_addresses} AND genera >= {GENERA}
        UNION ALL SELECT DISTINCT rule, host, value FROM alike WHERE rule = '{LISTED}'""")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE found_groups AS
        SELECT rule, host, value, a.addresses, a.images, coalesce(t.genera, 0) AS genera,
               coalesce(t.taxa, []) AS taxa, a.examples, a.shown
        FROM found JOIN (
          SELECT rule, host, value, count(*) AS addresses, sum(images)::BIGINT AS images,
                 list_sort(min(address, {SHOWN})) AS examples, min(shown) AS shown
          FROM (SELECT rule, host, value, address, count(*) AS images, min(image_id) AS shown
                FROM alike SEMI JOIN found USING (rule, host, value) GROUP BY ALL) GROUP BY ALL) a
        USING (rule, host, value)
        LEFT JOIN (
          SELECT rule, host, value, count(DISTINCT genus) AS genera, list_sort(min(accepted_name, {SHOWN})) AS taxa
          FROM (SELECT DISTINCT rule, host, value, genus, accepted_name FROM asks) GROUP BY ALL) t
        USING (rule, host, value)""")
    con.execute("""
        INSERT INTO found_groups SELECT g.* FROM placeholder_groups g ANTI JOIN found USING (rule, host, value)""")
    con.execute("CREATE OR REPLACE TEMP TABLE placeholder_groups AS SELECT * FROM found_groups")
    before = int(sql.scalar(con, "SELECT count(*) FROM placeholders"))
    con.execute("""
        INSERT INTO placeholders
        SELECT image_id, media_id, rule, host, value FROM alike SEMI JOIN found USING (rule, host, value)
        ANTI JOIN placeholders USING (image_id)
        QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY rule, host, value) = 1""")
    return int(sql.scalar(con, "SELECT count(*) FROM placeholders")) - before


def gather_alike(con: duckdb.DuckDBPyConnection, media: str, rules: FetchRules) -> None:
    """Make the table `alike`: stored images whose bytes are listed, or may be alike to those of enough others.

    Columns: image_id, media_id, address, rule, host, value (digest or final address). Groups of fewer images than it
    takes are left out by a hash first, which needs some bytes per image; what is in `alike` is still to be counted.
    """
    listed = sql.in_list([digest.lower() for digest in rules.placeholders])
    least = rules.placeholder_addresses
    others = f"""
        UNION ALL SELECT image_id, media_id, address, '{ADDRESS}', host, final_url
        FROM {media} WHERE outcome IS NULL AND starts_with(final_url, 'http')"""
    keyed = f"""(
        SELECT image_id, media_id, address, CASE WHEN sha256 IN {listed} THEN '{LISTED}' ELSE '{BYTES}' END AS rule,
               host, sha256 AS value FROM {media} WHERE outcome IS NULL {others if least else ""})"""
    often = f"""(
        SELECT hash(rule, host, value) AS code FROM {keyed} GROUP BY 1
        HAVING max(rule) = '{LISTED}' OR ({least} > 0 AND count(*) >= {least} AND min(media_id) <> max(media_id)))"""
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE alike AS
        SELECT k.* FROM {keyed} k SEMI JOIN {often} o ON o.code = hash(k.rule, k.host, k.value)""")


def judged(media: str) -> str:
    """Return, as a FROM clause, the media with what was decided: outcome and detail, and the evidence as JSON."""
    return f"""(
        SELECT m.* REPLACE ({_outcome("m", "p")} AS outcome, coalesce({sentence_sql("g")}, m.detail) AS detail),
               CASE WHEN p.image_id IS NOT NULL THEN
                    to_json({{'rule': g.rule, 'value': g.value, 'addresses': g.addresses, 'genera': g.genera,
                              'example': g.examples[1]}})::VARCHAR END AS placeholder
        FROM {media} m LEFT JOIN placeholders p ON p.image_id = m.image_id
        LEFT JOIN placeholder_groups g ON g.rule = p.rule AND g.host = p.host AND g.value = p.value)"""


def decided_media(folder: Path) -> str:
    """Return, as a FROM clause, the media of a finished fetch with the outcomes that it decided."""
    return f"""(
        SELECT m.* REPLACE ({_outcome("m", "p")} AS outcome)
        FROM {sql.parquet(folder / "media")} m
        LEFT JOIN {sql.parquet(folder / "placeholders")} p ON p.image_id = m.image_id)"""


def _outcome(media: str, placeholder: str) -> str:
    return f"CASE WHEN {placeholder}.image_id IS NULL THEN {media}.outcome ELSE '{Outcome.PLACEHOLDER.code}' END"


def sentence_sql(group: str) -> str:
    """Return the SQL expression that says of a group what makes it a placeholder; null where there is no group."""
    return f"""CASE {group}.rule
        WHEN '{LISTED}' THEN 'the recipe lists these bytes as a placeholder'
        WHEN '{BYTES}' THEN format('a placeholder: {{:,}} addresses of {{}} gave these bytes, for {{:,}} genera',
                                   {group}.addresses, {group}.host, {group}.genera)
        WHEN '{ADDRESS}' THEN format('a placeholder: {{:,}} addresses of {{}} led to this one, for {{:,}} genera',
                                     {group}.addresses, {group}.host, {group}.genera) END"""


def write(con: duckdb.DuckDBPyConnection, folder: Path) -> int:
    """Write both tables under FOLDER/placeholders and FOLDER/placeholder_groups; return the number of images.

    A group all of whose images ended by another rule says nothing new, and is left out.
    """
    images = "SELECT image_id, media_id, rule, host, value FROM placeholders ORDER BY image_id"
    sql.copy(con, images, folder / "placeholders" / "part.parquet")
    groups = f"""
        SELECT rule, host, value, addresses, images, genera, taxa, examples, shown AS image_id,
               {sentence_sql("g")} AS sentence
        FROM placeholder_groups g SEMI JOIN placeholders USING (rule, host, value) ORDER BY rule, host, value"""
    sql.copy(con, groups, folder / "placeholder_groups" / "part.parquet")
    return int(sql.scalar(con, "SELECT count(*) FROM placeholders"))


def _addresses(asked: str) -> str:
    """Return the query of every address that a candidate may have been asked for at: its own, and its alternates."""
    who = "name_id, source || ':' || coalesce(nullif(occurrence_key, ''), record_id) AS occurrence, media_key"
    return f"""
        SELECT {who}, image_id, address, box_x IS NOT NULL AS box FROM {asked}
        UNION ALL SELECT name_id, occurrence, media_key, a.at.image_id, a.at.address, false
        FROM (SELECT {who}, unnest(alternates) AS at FROM {asked}) a"""
