"""The rooms of the product and the arrows between them, read from the source: `python -m tests.rooms`.

A room is a folder; a file that lies loose in one of the packages is a room of its own, and the `__init__` of a package
stands above everything in it. An arrow is an import, wherever it stands: at the top, inside a function, for types
alone, or as a string (`importlib`, a patch, an entry point).
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("manifests", "taxonomy", "dedup", "pipeline", "biomill")

ORDER = (
    "manifests.sections",
    "manifests.vocabularies",
    "manifests",
    "manifests.tables",
    "dedup",
    "taxonomy.errors",
    "taxonomy.names",
    "taxonomy.readers",
    "taxonomy.build",
    "taxonomy.match",
    "taxonomy.tree",
    "taxonomy",
    "pipeline.model",
    "pipeline",
    "pipeline.storage.files",
    "pipeline.storage.stores",
    "pipeline.storage.places",
    "pipeline.storage",
    "pipeline.engine",
    "pipeline.lists",
    "pipeline.curation",
    "pipeline.sources.release",
    "pipeline.sources.text",
    "pipeline.sources.mapping",
    "pipeline.sources.darwin_core",
    "pipeline.sources.bioscan",
    "pipeline.sources.camera_traps",
    "pipeline.sources.eol",
    "pipeline.sources.fathomnet",
    "pipeline.sources.inat",
    "pipeline.sources",
    "pipeline.inspection",
    "pipeline.media.images",
    "pipeline.media.stores",
    "pipeline.media.http",
    "pipeline.media",
    "pipeline.pull",
    "pipeline.losses",
    "pipeline.privacy",
    "pipeline.shards",
    "pipeline.withdrawal",
    "pipeline.scores",
    "pipeline.choosing",
    "pipeline.quotas",
    "pipeline.splits",
    "pipeline.catalog",
    "pipeline.outliers",
    "pipeline.likeness.records",
    "pipeline.likeness",
    "pipeline.judgement",
    "pipeline.query",
    "pipeline.feed",
    "pipeline.train",
    "pipeline.train.replay",
    "pipeline.train.networks",
    "pipeline.train.fitting",
    "pipeline.embed.encoders",
    "pipeline.embed",
    "pipeline.evaluate.measures",
    "pipeline.evaluate",
    "pipeline.vectors",
    "pipeline.cards.plots",
    "pipeline.cards.sections",
    "pipeline.cards",
    "pipeline.evaluation_report",
    "pipeline.export",
    "pipeline.stages",
    "pipeline.run",
    "pipeline.planning",
    "pipeline.verify",
    "pipeline.desk",
    "pipeline.demo",
    "pipeline.demo.tree",
    "pipeline.commands.options",
    "pipeline.commands.taxonomy",
    "pipeline.commands",
    "biomill.siblings",
    "biomill.beam",
    "biomill",
)
"""From the ground up: a room imports those before it alone."""

MAXIMUM_LINES = 4_000
"""Lines that a room may have; a larger one is divided."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """What was read: lines of every room, and the imports behind every arrow."""

    lines: Mapping[str, int]
    arrows: Mapping[tuple[str, str], list[str]]
    rings: list[list[str]] = field(default_factory=list)

    def upward(self) -> list[str]:
        """Return the imports that go up, or lead into a room that has no place in ORDER."""
        place = {room: number for number, room in enumerate(ORDER)}
        return sorted(
            line
            for (above, below), lines in self.arrows.items()
            if place.get(below, len(ORDER)) >= place.get(above, -1)
            for line in lines
        )


def imported(tree: ast.AST) -> Iterator[str]:
    """Return the dotted names that a module imports, wherever it does, and those that it spells as a string.

    A string counts where it goes on behind the package: `taxonomy.tsv` may be a file, `taxonomy.names.parse` is not.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.replace(":", ".")
            if name.split(".")[0] in PACKAGES and "." in name and all(part.isidentifier() for part in name.split(".")):
                yield f"'{name}"


def read_rooms(root: Path = ROOT) -> Rooms:
    """Read every module of the packages below `root`."""
    modules: dict[str, Path] = {}
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    lines: dict[str, int] = defaultdict(int)
    arrows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for module, path in modules.items():
        text = path.read_text(encoding="utf-8")
        above = _room(module, modules)
        lines[above] += len(text.splitlines())
        for name in sorted(set(imported(ast.parse(text)))):
            target = name.lstrip("'")
            while target and target not in modules:
                target = target.rpartition(".")[0]
            if not target or (name.startswith("'") and "." not in target):
                continue
            below = _room(target, modules)
            if below != above:
                arrows[above, below].append(f"{module} -> {name}")
    return Rooms(dict(lines), dict(arrows), _rings(set(lines), set(arrows)))


def _room(module: str, modules: Mapping[str, Path]) -> str:
    if modules[module].name == "__init__.py":
        return module
    parent = module.rpartition(".")[0]
    return module if parent == "taxonomy" or module == "biomill.siblings" else parent


def _rings(rooms: set[str], arrows: set[tuple[str, str]]) -> list[list[str]]:
    """Return the groups of rooms that reach each other (Tarjan, SIAM J. Comput. 1972, by transitive closure)."""
    reach = {room: {below for above, below in arrows if above == room} for room in rooms}
    for middle in rooms:
        for room in rooms:
            if middle in reach[room]:
                reach[room] |= reach[middle]
    rings = {tuple(sorted(o for o in rooms if o in reach[r] and r in reach[o])) for r in rooms if r in reach[r]}
    return [list(ring) for ring in sorted(rings)]


def main() -> int:
    """Print every room with its lines and what it imports, from the ground up, then rings and arrows that go up."""
    rooms = read_rooms()
    lines = []
    place = {room: number for number, room in enumerate(ORDER)}
    for room in sorted(rooms.lines, key=lambda name: (place.get(name, len(ORDER)), name)):
        below = sorted({b for a, b in rooms.arrows if a == room}, key=lambda name: place.get(name, len(ORDER)))
        lines.append(f"{room:32} {rooms.lines[room]:6,} lines   {' '.join(below) or '-'}")
    up = rooms.upward()
    lines += [f"ring: {' <-> '.join(ring)}" for ring in rooms.rings] + [f"up: {line}" for line in up]
    lines.append(f"{len(rooms.lines)} rooms, {len(rooms.arrows)} arrows, {len(rooms.rings)} rings, {len(up)} arrows up")
    sys.stdout.write("\n".join([*lines, ""]))
    return 1 if rooms.rings or up else 0


if __name__ == "__main__":
    raise SystemExit(main())
