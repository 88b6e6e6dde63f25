"""`biomill init FILE ... [-o my-recipe.toml]`: a complete, commented recipe for the releases at hand."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterator
from pathlib import Path

from pipeline.model.errors import UsageError

logger = logging.getLogger("biomill")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("init", help="write a complete, commented recipe for the releases at hand")
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="a release file, archive or folder; EOL's hierarchy, or the folder of a release's images",
    )
    parser.add_argument("-o", "--out", type=Path, help="the recipe to write; without it, it is printed")
    parser.add_argument("--name", help="name of the recipe; default: that of its file, or of the first release")
    parser.add_argument("--contact", default="", metavar="MAIL", help="sent to the hosts that are asked for images")
    parser.add_argument(
        "--benchmark", type=Path, action="append", default=[], metavar="PATH", help="hold out: images, or their hashes"
    )
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the recipe, or where it was written; raises SourceError for a file that is no release."""
    from manifests import load_recipe
    from manifests.reference import STARTER
    from pipeline.inspection import recognised, started_recipe
    from pipeline.run.preflight import known_before
    from pipeline.storage.files.atomic import write_text

    out: Path | None = args.out
    if out is not None and out.exists():
        raise UsageError(
            "there is a file already", str(out), "the name of a new file", "name another one, or remove this one"
        )
    missing = next((path for path in (*args.paths, *args.benchmark) if not path.exists()), None)
    if missing is not None:
        raise UsageError("there is no such file", str(missing), "a file or folder that is there", "correct its path")
    found = recognised(args.paths, args.benchmark)
    name = args.name or (out.stem if out else found.sources[0]["name"])
    folder = (out.parent if out else Path()).resolve()
    # What is typed is checked as a recipe's key would be, before anything is written.
    load_recipe(STARTER, [f"name={json.dumps(name)}", f"fetch.contact={json.dumps(args.contact)}"])
    text = started_recipe(found, name, args.contact, folder)
    if out is None:
        yield text.removesuffix("\n")
        return
    write_text(out, text)
    for each in found.sources:
        yield f"{each['name']}: {each['kind']}, {each['path']}"
    yield f"written: {out}; look through it, then: biomill run {out} -o out/{name}"
    for finding in known_before(load_recipe(out, files=True)):
        logger.warning("%s: %s", "a run that fetches is refused" if finding.fatal_from else "warning", finding.line)
