"""Trees of taxa through ete3, the only module that imports it (ete3 is licensed under the GPL, version 3).

Topology is that of the taxonomy: one leaf or inner node per taxon, labelled by its usage id, all branches of length 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ete3 import Tree

from taxonomy.errors import TaxonomyError
from taxonomy.lineage import lowest_common, path_to_root
from taxonomy.lookup import Taxonomy


def newick(taxonomy: Taxonomy, accepted_ids: Sequence[str]) -> str:
    """Give the tree of the named taxa and all their ancestors as Newick (ete3 format 8: all names, no lengths).

    Children are in the order of their ids. Raises TaxonomyError for an id that the taxonomy does not hold.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from taxonomy import build_taxonomy
    >>> folder = Path(tempfile.mkdtemp()) / "taxonomy"
    >>> _ = build_taxonomy(["default"], folder)
    >>> newick(Taxonomy.open(folder), ["bm:Puma-concolor", "bm:Panthera-leo"])[:70]
    "((((((('bm:Panthera-leo')'bm:Panthera',('bm:Puma-concolor')'bm:Puma')'"
    """
    children: dict[int, set[int]] = {}
    for usage_id in accepted_ids:
        path = path_to_root(taxonomy.parent, _row(taxonomy, usage_id))
        for child, parent in zip(path, [*path[1:], -1], strict=True):
            children.setdefault(parent, set()).add(child)
    tree = Tree()
    waiting: list[tuple[Any, int]] = [(tree, -1)]
    names = taxonomy.names["usage_id"]
    while waiting:
        node, row = waiting.pop()
        for child in sorted(children.get(row, ())):  # rows are in the order of ids
            waiting.append((node.add_child(name=f"t{child}"), child))
    # ete3 rewrites the colon of an id; single quotes, as the Newick standard has them, keep it.
    return re.sub(r"t(\d+)", lambda found: _quoted(names[int(found[1])].as_py()), str(tree.write(format=8)))


def lowest_common_ancestor(taxonomy: Taxonomy, accepted_ids: Sequence[str]) -> str | None:
    """Give the id of the deepest taxon that holds all the named ones, or None when they share none.

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
