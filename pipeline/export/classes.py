"""Class names of an export: one per accepted taxon, or per taxon of a rank, safe as a folder on any system."""

from __future__ import annotations

import re
from collections import Counter

from pipeline.export.choice import Choice
from pipeline.model.errors import UsageError
from pipeline.model.records import RANK_COLUMNS
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
LEVELS = ("accepted", *RANK_COLUMNS)
_UNSAFE = re.compile(r"[^\w .×'()-]")


def class_column(level: str, alias: str = "") -> str:
    """Return the SQL expression of a sample's class; raises RunError for a level that is none.

    >>> class_column("accepted"), class_column("order"), class_column("genus", "s")
    ('accepted_id', '"order"', 's."genus"')
    """
    if level not in LEVELS:
        raise UsageError(f"no such level: {level!r}", expected=f"one of {', '.join(LEVELS)}")
    table = f"{alias}." if alias else ""
    return f"{table}accepted_id" if level == "accepted" else f'{table}"{level}"'


def folder_name(name: str) -> str:
    """Return a name as a folder: no separators, no control characters, no leading or closing dot, 100 characters at
    most.

    >>> folder_name("Puma concolor"), folder_name("../etc"), folder_name("a/b:c")
    ('Puma concolor', 'etc', 'a b c')
    """
    return " ".join(_UNSAFE.sub(" ", name).strip(" .").split())[:100].rstrip(" .") or "unnamed"


def class_names(choice: Choice, level: str) -> dict[str, str]:
    """Return the name of each class by its key, sorted by name; taxa of one name get their key behind it.

    Of accepted taxa one may lie within another: a genus to which some images are identified, and its species. Their
    classes are not disjoint, and the name of the higher one says so: 'Puma (genus only)'. Samples without the rank have
    no class and stay out; `unclassed` counts them.
    """
    column = class_column(level)
    if level == "accepted":
        lineage = ", ".join(f'min("{rank}")' for rank in RANK_COLUMNS)
        taxa = choice.con.execute(_SQL("accepted", lineage=lineage)).fetchall()
        within = {(kingdom, name) for _, own, _, kingdom, *above in taxa for name in above if name and name != own}
        found = sorted(
            (f"{name} ({rank} only)" if (kingdom, name) in within else name, key)
            for key, name, rank, kingdom, *_ in taxa
        )
    else:
        found = choice.con.execute(_SQL("of_a_rank", column=column)).fetchall()
    safe = [(key, folder_name(name)) for name, key in found]
    times = Counter(name.casefold() for _, name in safe)  # some file systems do not tell case
    return {key: name if times[name.casefold()] == 1 else folder_name(f"{name} ({key})") for key, name in safe}


def unclassed(choice: Choice, level: str) -> int:
    """Return the number of samples that leave and have no taxon of the level."""
    query = f"SELECT count(*) FROM samples JOIN leaving USING (key) WHERE {class_column(level)} IS NULL"
    return int(choice.con.execute(query).fetchall()[0][0])
