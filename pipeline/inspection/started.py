"""A recipe for files at hand: their kinds recognised, every other section as the starter recipe explains it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from manifests import starter_recipe
from manifests.preflight import SourceFacts
from manifests.recipe import SourceSpec
from pipeline.inspection.entry import entry_of
from pipeline.inspection.recognised import is_hierarchy, kind_of
from pipeline.model.errors import UsageError
from pipeline.sources import open_source
from pipeline.sources.known import KNOWN
from pipeline.sources.release.archive import open_archive

_IMAGES = (".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp")
_TO_COPY = " Copy it, change the paths, run it."
_LOOKED_AT = 2_000
"""Files of a folder whose names are looked at before it is taken for one of images."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What files are: sources as their tables in a recipe say them, with what is beside them."""

    sources: tuple[dict[str, str], ...]
    benchmarks: tuple[Path, ...] = ()


def recognised(paths: Sequence[Path], benchmarks: Sequence[Path] = ()) -> Recognised:
    """Return the sources that paths are; raises SourceError for one that is none, UsageError for one named twice.

    A Dynamic Hierarchy goes with EOL's manifests, a folder or archive of images with the one source that reads such a
    store.
    """
    whole = [path.resolve() for path in paths]
    repeated = next((path for number, path in enumerate(whole) if path in whole[:number]), None)
    if repeated is not None:
        raise UsageError("a file is named twice", str(repeated), "each release once", "name it once")
    odd = next((path for path in (*whole, *benchmarks) if not str(path).isprintable()), None)
    if odd is not None:
        raise UsageError(
            "no recipe can name this", ascii(str(odd)), "a path without control characters", "rename the file or folder"
        )
    hierarchies = [path for path in whole if path.exists() and is_hierarchy(path)]
    stores = [path for path in whole if path not in hierarchies and _holds_images(path)]
    entries = [_entry(path) for path in whole if path not in hierarchies and path not in stores]
    _beside(entries, hierarchies, "hierarchy", lambda facts: facts.needs_hierarchy)
    # A source whose rows have no addresses is nothing without its images; others may have theirs at hand.
    needing = any(KNOWN.get(entry["kind"], SourceFacts()).has_addresses is False for entry in entries)
    _beside(
        entries,
        stores,
        "media",
        lambda facts: facts.reads_media and (facts.has_addresses is False or not needing),
    )
    if not entries:
        raise UsageError("no release is named", expected="at least one file of records", remedy="name it as well")
    names: list[str] = []
    for entry in entries:
        entry["name"] = _unused(entry["name"], names)
        names.append(entry["name"])
    return Recognised(tuple(entries), tuple(path.resolve() for path in benchmarks))


def _entry(path: Path) -> dict[str, str]:
    kind = kind_of(path)
    release = open_source(kind).inspect(SourceSpec(kind, kind, str(path)))
    return entry_of(path, kind, "", release.license)


def _holds_images(path: Path) -> bool:
    """Return whether a folder or archive holds nothing but images, as far as its first files say."""
    if path.is_dir():
        every = (name for _, _, names in os.walk(path) for name in names if not name.startswith("."))
        first = list(islice(every, _LOOKED_AT))
    else:
        first = [member.base for member in open_archive(path).members]
    return bool(first) and all(name.lower().endswith(_IMAGES) for name in first)


def _beside(entries: list[dict[str, str]], found: list[Path], key: str, wanted: Callable[[SourceFacts], bool]) -> None:
    """Name a hierarchy or store at the sources that it goes with; raises UsageError where that cannot be told."""
    takers = [entry for entry in entries if wanted(KNOWN.get(entry["kind"], SourceFacts()))]
    for path in found:
        if len(found) > 1 or not takers or (key == "media" and len(takers) > 1):
            raise UsageError(
                f"it cannot be told which source this belongs to as `{key}`",
                str(path),
                f"one such path, and {'one source' if key == 'media' else 'a source'} that reads it",
                f"leave it out, and name it as `{key}` of its source in the recipe",
            )
        for entry in takers:
            entry[key] = str(path)


def _unused(name: str, names: list[str]) -> str:
    number = 2
    found = name
    while found in names:
        found, number = f"{name}-{number}", number + 1
    return found


def started_recipe(found: Recognised, name: str, contact: str, folder: Path) -> str:
    """Return the text of a recipe for what was found; paths below `folder`, where it is to lie, are relative to it.

    Sections other than the sources stand as the starter recipe explains them, with their defaults.

    >>> entry = {"name": "a", "kind": "gbif-dwca", "path": "/data/a.zip"}
    >>> text = started_recipe(Recognised((entry,)), "mine", "me@example.org", Path("/data"))
    >>> text.splitlines()[4:5], 'path = "a.zip"' in text, 'contact = "me@example.org"' in text
    (['name = "mine"'], True, True)
    """
    head, read, held_out, *rest = re.split(r"(?=^# -{20,} )", starter_recipe(), flags=re.MULTILINE)
    kinds = ", ".join(sorted({entry["kind"] for entry in found.sources}))
    head = _given(head.replace(_TO_COPY, ""), "name", name)
    sources = "\n".join(_source(entry, folder, number) for number, entry in enumerate(found.sources, 1))
    benchmarks = "\n".join(_benchmark(path, folder) for path in found.benchmarks)
    held_rule, _, held_tables = held_out.partition("\n\n")
    return "".join(
        (
            _given(head, "description", f"Images of {kinds}."),
            read.partition("\n\n")[0] + "\n\n" + sources + "\n",
            held_rule + "\n\n" + (benchmarks + "\n" if benchmarks else _as_comment(held_tables)),
            _given(_given("".join(rest), "contact", contact), "prefix", name),
        )
    )


def _given(text: str, key: str, value: str) -> str:
    """Return a part of the starter recipe in which one key has another value."""
    return re.sub(rf'^{key} = "[^"]*"', lambda _: f"{key} = {_quoted(value)}", text, count=1, flags=re.MULTILINE)


def _source(entry: dict[str, str], folder: Path, number: int) -> str:
    facts = KNOWN.get(entry["kind"], SourceFacts())
    given = {
        key: _relative(value, folder) if key in ("path", "hierarchy", "media") else value
        for key, value in entry.items()
    }
    lines = ["[[sources]]", *(f"{key} = {_quoted(value)}" for key, value in given.items())]
    lines[1] += "   # part of every record id: choose once, keep for ever"
    if facts.needs_hierarchy and "hierarchy" not in entry:
        lines.append(
            '# hierarchy = ""   # the table of names of its pages, without which no row has a name: put it here'
        )
    if facts.has_addresses is False and "media" not in entry:
        lines.append('# media = ""       # its rows have no addresses: put the folder or archives of its images here')
    if not facts.rows_state_licences and "license" not in entry and not facts.family:
        lines.append('# license = ""     # its rows state none, and end as licence_unknown without one: put it here')
    elif "license" not in entry and not facts.family:
        lines.append(
            '# license = ""     # of rows that state none, as the provider says; empty: they end as licence_unknown'
        )
    lines.append(f"priority = {10 * number}   # lower wins when two sources hold the same image")
    return "\n".join(lines) + "\n"


def _benchmark(path: Path, folder: Path) -> str:
    name = entry_of(path, "", "", "")["name"]
    return f"[[benchmarks]]\nname = {_quoted(name)}\npath = {_quoted(_relative(str(path), folder))}\n"


def _as_comment(text: str) -> str:
    return "".join(line if line.startswith("#") or not line.strip() else f"# {line}" for line in text.splitlines(True))


def _relative(path: str, folder: Path) -> str:
    inside = Path(path).is_relative_to(folder.resolve())
    return str(Path(path).relative_to(folder.resolve())) if inside else path


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
