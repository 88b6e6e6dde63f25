"""`biomill taxonomy build SOURCES… -o DIR`: unite published taxonomies into one index."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb's arguments."""
    parser = verbs.add_parser(
        "build",
        help="unite published taxonomies into one index; the first source goes before the others",
        description="A source is 'default' or a published taxonomy as it was downloaded: Darwin Core, ColDP, an NCBI "
        "taxdump, Open Tree, ACEF, a text tree or a species table; a file, a folder, a zip or tar archive.",
    )
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="'default' or a path, in order of priority")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="folder for the index")
    parser.add_argument(
        "--languages",
        default="eng",
        metavar="CODES",
        help="languages of common names, the preferred first (ISO 639, with commas between them; default eng)",
    )
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Build, and give what was read, what was odd about it, and the build id; raises TaxonomyError."""
    from taxonomy import build_taxonomy
    from taxonomy.build.index import read_manifest

    build_id = build_taxonomy(args.sources, args.out, languages=args.languages.split(","))
    manifest = read_manifest(args.out)
    for source in manifest["sources"]:
        yield f"{source['prefix']}: {source['usages']:,} usages ({source['layout']})"
        yield from _issues(source["issues"])
    yield f"united: {manifest['usages']:,} usages, {manifest['accepted']:,} of them accepted"
    yield from _issues(manifest["issues"])
    yield f"build {build_id}"


def _issues(issues: dict[str, dict[str, object]]) -> Iterator[str]:
    for kind, count in sorted(issues["counts"].items()):
        examples = issues["examples"].get(kind) or [""]
        assert isinstance(examples, list)
        yield f"  {kind}: {count:,}, such as {examples[0]}"
