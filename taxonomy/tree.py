"""Trees of taxa through ete3, the only module that imports it (ete3 is licensed under the GPL, version 3).

Topology is that of the taxonomy, pruned to the taxa that are asked for and their ancestors: one leaf or inner node per
taxon, labelled by its usage id or its name, all branches of length 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from ete3 import Tree

from taxonomy.build.lineage import lowest_common, path_to_root
from taxonomy.errors import TaxonomyError
from taxonomy.match.lookup import Taxonomy
from taxonomy.match.resolver import resolve


def find_taxa(taxonomy: Taxonomy, asked: Sequence[str]) -> list[str]:
    """Return the accepted ids of ids or names, in their order, each once.

    Raises TaxonomyError for what the taxonomy does not hold, and for names of several taxa.
    """
    names = [each for each in asked if taxonomy.row(each) < 0]
    answers = (
        resolve(taxonomy, pa.table({"scientific_name": pa.array(names, pa.string())})).to_pylist() if names else []
    )
    by_name = {}
    for name, answer in zip(names, answers, strict=True):
        if answer["accepted_id"] is None:
            raise TaxonomyError(
                f"no one taxon is called {name!r} ({answer['match_type']})",
                str(taxonomy.folder),
                "an id, or a name that only one taxon bears",
            )
        by_name[name] = str(answer["accepted_id"])
    ids = taxonomy.names["usage_id"]
    return list(dict.fromkeys(by_name.get(each) or ids[_row(taxonomy, each)].as_py() for each in asked))


def newick(taxonomy: Taxonomy, accepted_ids: Sequence[str], labels: str = "id") -> str:
    """Return the tree of the named taxa and all their ancestors as Newick (ete3 format 8: all names, no lengths).

    `labels` of nodes: 'id' or 'name'. Children are in the order of their ids. Raises TaxonomyError for an id that the
    taxonomy does not hold.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from taxonomy import build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> newick(Taxonomy.open(folder), ["bm:Puma-concolor", "bm:Panthera-leo"])[:70]
    "((((((('bm:Panthera-leo')'bm:Panthera',('bm:Puma-concolor')'bm:Puma')'"
    """
    children = _children(taxonomy, accepted_ids)
    tree = Tree()
    waiting: list[tuple[Any, int]] = [(tree, -1)]
    names = taxonomy.names["usage_id" if labels == "id" else "name"]
    while waiting:
        node, row = waiting.pop()
        for child in sorted(children.get(row, ())):  # rows are in the order of ids
            waiting.append((node.add_child(name=f"t{child}"), child))
    # ete3 rewrites the colon of an id; single quotes, as the Newick standard has them, keep it.
    return re.sub(r"t(\d+)", lambda found: _quoted(names[int(found[1])].as_py()), str(tree.write(format=8)))


def text_tree(taxonomy: Taxonomy, accepted_ids: Sequence[str], labels: str = "name") -> str:
    """Return the tree of the named taxa and all their ancestors as a text tree, which the readers take, too.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from taxonomy import build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> print(text_tree(Taxonomy.open(folder), ["bm:Puma-concolor"]).splitlines()[-1].strip())
    Puma concolor (Linnaeus, 1771) [species]
    """
    children = _children(taxonomy, accepted_ids)
    table, lines = taxonomy.names, []
    waiting = [(0, row) for row in sorted(children.get(-1, ()), reverse=True)]
    while waiting:
        depth, row = waiting.pop()
        cells = {name: table[name][row].as_py() for name in ("usage_id", "name", "authorship", "rank")}
        name = " ".join(part for part in (cells["name"], cells["authorship"]) if part)
        lines.append("  " * depth + f"{cells['usage_id'] if labels == 'id' else name} [{cells['rank']}]")
        waiting += [(depth + 1, child) for child in sorted(children.get(row, ()), reverse=True)]
    return "\n".join(lines) + "\n"


def _children(taxonomy: Taxonomy, accepted_ids: Sequence[str]) -> dict[int, set[int]]:
    """Return the children of every row of the pruned tree; those of -1 are its roots."""
    children: dict[int, set[int]] = {}
    for usage_id in accepted_ids:
        path = path_to_root(taxonomy.parent, _row(taxonomy, usage_id))
        for child, parent in zip(path, [*path[1:], -1], strict=True):
            children.setdefault(parent, set()).add(child)
    return children


def lowest_common_ancestor(taxonomy: Taxonomy, accepted_ids: Sequence[str]) -> str | None:
    """Return the id of the deepest taxon that holds all the named ones, or None when they share none.

    Raises TaxonomyError for an id that the taxonomy does not hold.
    """
    common = lowest_common(taxonomy.parent, [_row(taxonomy, usage_id) for usage_id in accepted_ids])
    return None if common < 0 else str(taxonomy.names["usage_id"][common].as_py())


def _quoted(label: str) -> str:
    return "'" + label.replace("'", "''") + "'"


def _row(taxonomy: Taxonomy, usage_id: str) -> int:
    row = taxonomy.row(usage_id)
    if row < 0:
        raise TaxonomyError(f"no such taxon: {usage_id!r}", str(taxonomy.folder), "an accepted id of this build")
    return int(taxonomy.accepted[row]) if taxonomy.accepted[row] >= 0 else row
