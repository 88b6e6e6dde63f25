"""`biomill images PATH...`: what the fetch stage would make of files that are already here."""

from __future__ import annotations

import argparse
import json
import logging
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

from manifests import BiomillError
from manifests.checks import RESAMPLERS
from manifests.recipe import FetchRules, ImageRules
from pipeline.losses.emptiness import add_allow_empty, nothing
from pipeline.model.exit_status import ExitStatus

logger = logging.getLogger("biomill")

COLUMNS = ("outcome", "format", "source", "stored", "bytes", "orientation", "frames", "encoded", "quality", "file")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    image, fetch = ImageRules(), FetchRules()
    parser = commands.add_parser("images", help="what becomes of image files: outcome, format, sizes, hashes")
    parser.add_argument("path", type=Path, nargs="+", help="files, or folders with all that is in them")
    parser.add_argument("--side", type=int, default=image.side, help="pixels of the bounded side (%(default)s)")
    parser.add_argument("--rule", choices=("shortest", "longest"), default=image.rule, help="which side is bounded")
    parser.add_argument("--quality", type=int, default=image.quality, help="of the stored JPEG (%(default)s)")
    parser.add_argument("--min-side", type=int, default=image.min_side, help="pixels, below: too_small (%(default)s)")
    parser.add_argument(
        "--resampler", choices=RESAMPLERS, default=image.resampler, help="'cykooz-resizer' needs the extra fast"
    )
    parser.add_argument("--max-pixels", type=int, default=fetch.max_pixels, help="above: too_many_pixels (%(default)s)")
    parser.add_argument("--max-bytes", type=int, default=fetch.max_bytes, help="above: too_large (%(default)s)")
    parser.add_argument("-o", "--out", type=Path, help="also write the stored images into this folder")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file, with hashes")
    add_allow_empty(parser)
    parser.set_defaults(lines=lines)


def lines(args: argparse.Namespace) -> Generator[str, None, int]:
    """Yield one line per file, sorted by path, and the number of files per outcome and format.

    A path or file that cannot be read is said at the end, and the others are done: exit status PARTLY.
    """
    from manifests.checks import check_values
    from manifests.places import Places
    from pipeline.media.images.resamplers import check_resampler

    rules = ImageRules(
        side=args.side, rule=args.rule, quality=args.quality, min_side=args.min_side, resampler=args.resampler
    )
    check_values(rules, ("image",), Places("the command line"))
    check_resampler(rules.resampler)
    counts: Counter[tuple[str, str]] = Counter()
    if not args.json:
        yield "\t".join(COLUMNS)
    failed: list[str] = []
    for path, name in _files(args.path, failed):
        try:
            facts = _facts(path, name, rules, args)
        except PermissionError as error:
            failed.append(f"{path}: {error.strerror}")
            continue
        counts[str(facts["outcome"]), str(facts["format"])] += 1
        yield json.dumps(facts) if args.json else "\t".join(str(facts[column]) for column in COLUMNS)
    if not args.json:
        yield ""
        for (outcome, kind), count in sorted(counts.items()):
            yield f"{count:6} {outcome} {kind}".rstrip()
    for each in failed:
        logger.warning("not read: %s", each)
    if failed and not counts:
        raise BiomillError("no image could be read", where="; ".join(failed[:20]), remedy="check the paths")
    if not counts and not args.json:
        return (yield from nothing("there are no files", "name image files, or folders that hold some", args))
    return ExitStatus.PARTLY if failed else ExitStatus.DONE


def _facts(path: Path, name: str, rules: ImageRules, args: argparse.Namespace) -> dict[str, str | int | bool]:
    import hashlib

    from pipeline.media import Processed, process
    from pipeline.model.outcomes import Outcome
    from pipeline.storage.files.atomic import atomic_path

    size, data = path.stat().st_size, b""
    if size > args.max_bytes:
        image = Processed(Outcome.TOO_LARGE, detail=f"{size} bytes, {args.max_bytes} allowed")
    else:
        data = path.read_bytes()
        (image,) = process(data, [None], rules, args.max_pixels)
    if image.jpeg and args.out is not None:
        with atomic_path(args.out / f"{name}.jpg") as temporary:
            temporary.write_bytes(image.jpeg)
    return {
        "file": name,
        "outcome": image.outcome.code if image.outcome is not None else "stored",
        "format": image.format,
        "source": f"{image.source_width}x{image.source_height}" if image.source_width else "",
        "stored": f"{image.width}x{image.height}" if image.jpeg else "",
        "bytes": len(image.jpeg),
        "orientation": image.orientation,
        "frames": image.frames,
        "encoded": image.reencoded if image.jpeg else "",
        "sha256": hashlib.sha256(data).hexdigest() if data else "",
        "phash": f"{image.phash:016x}" if image.jpeg else "",
        "pdq": image.pdq.hex(),
        "quality": image.quality,
        "detail": image.detail,
    }


def _files(paths: list[Path], failed: list[str]) -> Iterator[tuple[Path, str]]:
    """Yield the files and their names: relative to the folder that was named, or the file's own; note what is none."""
    for path in paths:
        if path.is_file():
            yield path, path.name
        elif path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.is_file():
                    yield file, file.relative_to(path).as_posix()
        else:
            failed.append(f"{path}: no such file or folder")
