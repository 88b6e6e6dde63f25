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

import duckdb

from manifests import FetchRules
from pipeline.media.images.variants import picture_of
from pipeline.model.outcomes import Outcome
from pipeline.storage import database as sql
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements

GENERA = 3
"""Least accepted taxa of different genera that one picture cannot be honest for."""
SHOWN = 5
"""Addresses and taxa of a group that are listed as examples."""
LISTED, BYTES, ADDRESS = "listed", "same bytes", "same final address"
"""Rules, in the order in which an image that several apply to is said to be one by."""

_SQL = Statements(__name__)


def begin(con: duckdb.DuckDBPyConnection) -> None:
    """Make the empty tables, and the function `picture_of`, on a connection."""
    con.create_function("picture_of", picture_of, ["VARCHAR"], "VARCHAR")
    con.execute(_SQL("placeholders"))
    con.execute(_SQL("placeholder_groups"))


def decide(con: duckdb.DuckDBPyConnection, asked: str, media: str, names: str, rules: FetchRules) -> int:
    """Add to the tables what is a placeholder among the stored media; return the number of images that are new.

    `asked`: candidates; `media`: unit files as they were written; `names`: resolved names; all FROM clauses. An image
    that was decided stays so: the answer depends on what was asked for, never on the order of the answers.
    """
    if not rules.placeholder_addresses and not rules.placeholders:
        return 0
    gather_alike(con, media, rules)
    con.execute(_SQL("asks", addresses=_SQL("addresses", asked=asked), names=names))
    con.execute(_SQL("found", by_list=LISTED, least=rules.placeholder_addresses, genera=GENERA))
    con.execute(_SQL("found_groups", most=SHOWN))
    con.execute(_SQL("earlier_groups"))
    con.execute("CREATE OR REPLACE TEMP TABLE placeholder_groups AS SELECT * FROM found_groups")
    before = int(sql.scalar(con, "SELECT count(*) FROM placeholders"))
    con.execute(_SQL("new_images"))
    return int(sql.scalar(con, "SELECT count(*) FROM placeholders")) - before


def gather_alike(con: duckdb.DuckDBPyConnection, media: str, rules: FetchRules) -> None:
    """Make the table `alike`: stored images whose bytes are listed, or may be alike to those of enough others.

    Columns: image_id, media_id, address, rule, host, value (digest or final address). Groups of fewer images than it
    takes are left out by a hash first, which needs some bytes per image; what is in `alike` is still to be counted.
    """
    listed = [digest.lower() for digest in rules.placeholders]
    least = rules.placeholder_addresses
    keyed = _SQL("keyed", media=media, listed=listed, least=least, by_list=LISTED, by_bytes=BYTES, by_address=ADDRESS)
    con.execute(_SQL("alike", keyed=keyed, least=least, by_list=LISTED))


def judged(media: str) -> str:
    """Return, as a FROM clause, the media with what was decided: outcome and detail, and the evidence as JSON."""
    return "(" + _SQL("judged", media=media, outcome=_outcome("m", "p"), sentence=sentence_sql("g")) + ")"


def decided_media(folder: Place) -> str:
    """Return, as a FROM clause, the media of a finished fetch with the outcomes that it decided."""
    media, placeholders = sql.parquet(folder / "media"), sql.parquet(folder / "placeholders")
    return "(" + _SQL("decided_media", media=media, placeholders=placeholders, outcome=_outcome("m", "p")) + ")"


def _outcome(media: str, placeholder: str) -> str:
    return f"CASE WHEN {placeholder}.image_id IS NULL THEN {media}.outcome ELSE '{Outcome.PLACEHOLDER.code}' END"


def sentence_sql(group: str) -> str:
    """Return the SQL expression that says of a group what makes it a placeholder; null where there is no group."""
    return _SQL("sentence", group=group, by_list=LISTED, by_bytes=BYTES, by_address=ADDRESS)


def write(con: duckdb.DuckDBPyConnection, folder: Place) -> int:
    """Write both tables under FOLDER/placeholders and FOLDER/placeholder_groups; return the number of images.

    A group all of whose images ended by another rule says nothing new, and is left out.
    """
    images = "SELECT image_id, media_id, rule, host, value FROM placeholders ORDER BY image_id"
    sql.copy(con, images, folder / "placeholders" / "part.parquet")
    groups = _SQL("shown_groups", sentence=sentence_sql("g"))
    sql.copy(con, groups, folder / "placeholder_groups" / "part.parquet")
    return int(sql.scalar(con, "SELECT count(*) FROM placeholders"))
