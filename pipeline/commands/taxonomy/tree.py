"""`biomill taxonomy tree …`: the tree of some taxa, or of the species of a run, as Newick or as text."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from pipeline.model.errors import UsageError


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser(
        "tree",
        help="the tree of some taxa, or of the species that a run kept, and their lowest common ancestor",
    )
    parser.add_argument("taxa", nargs="*", metavar="TAXON", help="ids or names; none: the taxa that the run kept")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--taxonomy", type=Path, metavar="DIR", help="a built taxonomy")
    where.add_argument("--run", type=Path, metavar="DIR", help="a run: its taxonomy, and the taxa that it kept")
    parser.add_argument("--file", type=Path, help="read ids or names from this file, one per line")
    parser.add_argument("--format", choices=("text", "newick"), default="text", help="default text")
    parser.add_argument("--labels", choices=("name", "id"), default="name", help="of the nodes (default name)")
    parser.add_argument("--lca", action="store_true", help="only say which taxon holds them all")
    parser.add_argument("-o", "--out", type=Path, metavar="FILE", help="write the tree to this file")
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the tree, or the common ancestor; raises TaxonomyError for names that are unknown or ambiguous."""
    from pipeline.storage.files.atomic import write_text
    from taxonomy import Taxonomy
    from taxonomy.tree import find_taxa, lowest_common_ancestor, newick, text_tree

    taxonomy = Taxonomy.open(args.taxonomy or args.run / "taxonomy")
    asked = list(args.taxa)
    if args.file is not None:
        asked += [line.strip() for line in args.file.read_text(encoding="utf-8").splitlines() if line.strip()]
    ids = find_taxa(taxonomy, asked) if asked else _kept(args.run) if args.run else []
    if not ids:
        raise UsageError("which taxa?", expected="ids or names, --file, or the folder of a run that kept images")
    if args.lca:
        common = lowest_common_ancestor(taxonomy, ids)
        usage = taxonomy.usage(common) if common else None
        yield f"{usage.rank} {usage.name} ({usage.usage_id})" if usage else "no taxon holds them all"
        return
    drawn = newick(taxonomy, ids, args.labels) if args.format == "newick" else text_tree(taxonomy, ids, args.labels)
    if args.out is None:
        yield drawn.rstrip("\n")
    else:
        write_text(args.out, drawn.rstrip("\n") + "\n")
        yield f"{len(ids):,} taxa in {args.out}"


def _kept(run: Path) -> list[str]:
    from pipeline.catalog.open import open_catalog

    with open_catalog(run) as con:
        rows = con.execute("SELECT DISTINCT accepted_id FROM samples WHERE accepted_id IS NOT NULL ORDER BY 1")
        return [str(row[0]) for row in rows.fetchall()]
