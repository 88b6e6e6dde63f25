"""`biomill taxonomy explain NAME`: which candidates a name has, and what speaks for and against each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pipeline.commands.taxonomy.opened import add_taxonomy, opened

_HINTS = ("kingdom", "phylum", "class", "order", "family", "genus")


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser("explain", help="the candidates of one name, and the points of each")
    parser.add_argument("name", help="a scientific name, with or without its author")
    parser.add_argument("--authorship", metavar="TEXT", help="the author, where the name does not hold it")
    parser.add_argument("--rank", metavar="RANK", help="the rank of the name")
    for hint in _HINTS:
        parser.add_argument(f"--{hint}", dest=f"hint_{hint}", metavar="NAME", help=f"the {hint} it is said to stand in")
    add_taxonomy(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the answer, and then every candidate of every rung."""
    import pyarrow as pa

    from taxonomy import explain, resolve

    cells = {"scientific_name": args.name, "name_authorship": args.authorship, "rank_verbatim": args.rank}
    cells |= {hint: getattr(args, f"hint_{hint}") for hint in _HINTS}
    asked = pa.table({name: pa.array([cell], pa.string()) for name, cell in cells.items()})
    with opened(args) as taxonomy:
        answer = resolve(taxonomy, asked).to_pylist()[0]
        weighed = explain(taxonomy, asked)
    path = " > ".join(answer[rank] for rank in (*_HINTS, "species") if answer[rank])
    yield f"{args.name}  ->  {answer['match_type']}, confidence {answer['confidence']}"
    if answer["usage_id"]:
        yield f"  usage     {answer['usage_name']} [{answer['usage_id']}], {answer['taxonomic_status']}"
        yield f"  accepted  {answer['accepted_name']} [{answer['accepted_id']}], {answer['accepted_rank']}"
        yield f"  lineage   {path}"
    if answer["runner_up_id"]:
        yield f"  runner-up {answer['runner_up_name']} [{answer['runner_up_id']}]"
    if answer["hint_agreement"] != "{}":
        yield f"  hints     {answer['hint_agreement']}"
    if answer["issues"]:
        yield "  issues    " + ", ".join(answer["issues"])
    yield f"  taxonomy  {answer['taxonomy_build'][:12]}"
    if not weighed:
        yield "no candidates"
    rung = ""
    for each in weighed:
        if each.rung != rung:
            rung = each.rung
            yield f"candidates weighed for {rung}:"
        author = f" {each.authorship}" if each.authorship else ""
        points = ", ".join(f"{component} {value:+d}" for component, value in each.points if value)
        out = " (out)" if each.vetoed else ""
        yield f"  {each.total:>4}{out}  {each.name}{author} [{each.usage_id}] {each.rank}, {each.status}"
        yield f"        {points}"
        yield f"        {each.accepted_name} [{each.accepted_id}]: {each.classification}"
