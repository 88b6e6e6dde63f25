"""Class names of an export: one per accepted taxon, or per taxon of a rank, safe as a folder on any system."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.errors import UsageError
from pipeline.export.choice import Choice
from pipeline.records import RANK_COLUMNS

LEVELS = ("accepted", *RANK_COLUMNS)
_UNSAFE = re.compile(r"[^\w .×'()-]")


def class_column(level: str) -> str:
    """Give the SQL expression of a sample's class; raises RunError for a level that is none.

    >>> class_column("accepted"), class_column("order")
    ('accepted_id', '"order"')
    """
    if level not in LEVELS:
        raise UsageError(f"no such level: {level!r}", expected=f"one of {', '.join(LEVELS)}")
    return "accepted_id" if level == "accepted" else f'"{level}"'


def folder_name(name: str) -> str:
    """Give a name as a folder: no separators, no control characters, no leading or closing dot, 100 characters at most.

    >>> folder_name("Puma concolor"), folder_name("../etc"), folder_name("a/b:c")
    ('Puma concolor', 'etc', 'a b c')
    """
    return " ".join(_UNSAFE.sub(" ", name).strip(" .").split())[:100].rstrip(" .") or "unnamed"


def class_names(choice: Choice, level: str) -> dict[str, str]:
    """Give the name of each class by its key, sorted by name; taxa of one name get their key behind it.

    Samples without the rank have no class and stay out; `unclassed` counts them.
    """
    column = class_column(level)
    name = "accepted_name" if level == "accepted" else column
    found = choice.con.execute(
        f"""SELECT {column} AS id, min({name}) AS name FROM samples JOIN leaving USING (key)
            WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2, 1"""
    ).fetchall()
    safe = [(key, folder_name(name)) for key, name in found]
    times = Counter(name.casefold() for _, name in safe)  # some file systems do not tell case
    return {key: name if times[name.casefold()] == 1 else folder_name(f"{name} ({key})") for key, name in safe}


def unclassed(choice: Choice, level: str) -> int:
    """Give the number of samples that leave and have no taxon of the level."""
    query = f"SELECT count(*) FROM samples JOIN leaving USING (key) WHERE {class_column(level)} IS NULL"
    return int(choice.con.execute(query).fetchall()[0][0])
