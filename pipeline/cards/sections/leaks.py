"""Does it leak? What each benchmark is promised, what was kept out by which rule, and pairs to judge."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from io import BytesIO

from PIL import Image

from dedup import DIHEDRAL, hash_image, residuals, thumbnails, turned
from pipeline.cards.plots import Dot, columns, dots
from pipeline.cards.sections.section import Asked, Chart, Picture, Pictures, Section, Table, Words, agree, count
from pipeline.cards.sections.shots import Shots
from pipeline.cards.sections.stored_bytes import stored
from pipeline.storage.places import Place
from pipeline.storage.statements import Statements

PAIRS = 8
_SQL = Statements(__name__)


def leaks(asked: Asked, shots: Shots) -> Section:
    """Return the section: held-out items, images that were kept out by rule, distances, and the farthest pairs."""
    question = "Does it leak?"
    held, rules = asked.rows(_SQL("held")), asked.rows(_SQL("rules"))
    unknown, distances = asked.rows(_SQL("unknown")), asked.rows(_SQL("distances"))
    kept_out = asked.one("SELECT count(*) FROM ledger WHERE outcome LIKE 'leak\\_%' ESCAPE '\\'")[0]
    facts = {
        "benchmarks": [{"benchmark": name, "items": items, "hashed": hashed} for name, items, hashed in held],
        "kept_out": kept_out,
        "rules": [{"benchmark": name, "rule": rule, "records": many} for name, rule, many in rules],
        "unknown": [{"reason": reason, "decision": decision, "records": many} for reason, decision, many in unknown],
        "distances": [{"distance": distance, "records": many} for distance, many in distances],
    }
    if not held and not asked.recipe.benchmarks:
        answer = "No benchmark was held out: this run guarantees nothing about test images."
        return Section("leaks", question, answer, facts=facts, warns=True)
    items = sum(row[1] for row in held)
    answer = (
        f"{count(kept_out, 'row')} ended because {agree(kept_out, 'it is', 'they are')}, or may be, of the "
        f"{count(items, 'held-out item')}."
    )
    limit = asked.recipe.likeness.leak_distance
    lines = [
        f"{name}: {count(total, 'item')} held out, {hashed:,} of them compared by hash. "
        f"No kept image is the same bytes or pixels, or within Hamming distance {limit} of one."
        for name, total, hashed in held
    ]
    lines.append("biomill leakage certify RUN proves each sentence anew, with canaries and a brute-force audit.")
    parts: list[Chart | Pictures | Table | Words] = [Words(tuple(lines))]
    if rules:
        parts.append(_rules(rules))
    if distances:
        parts.append(_distances(asked, distances))
    if unknown:
        parts.append(Table.of(("no hash can tell, because", "decision", "records"), unknown, "FROM leak_unknown"))
    pairs = tuple(leak_pairs(asked, shots))
    if pairs:
        parts.append(
            Pictures("The farthest pairs: left what was kept out, right the held-out image's thumbnail.", pairs)
        )
    return Section("leaks", question, answer, tuple(parts), facts)


def _rules(rules: list[tuple[str, str, int]]) -> Chart:
    by_rule: Counter[str] = Counter()
    for _, rule, many in rules:
        by_rule[rule] += many
    best = min(by_rule, key=lambda rule: (-by_rule[rule], rule))
    return Chart(
        f"The rule that found the most is {best}: {count(by_rule[best], 'record')}.",
        dots(
            "leak-rules",
            "Records kept out by benchmark and rule",
            [Dot(rule, many, "leak", name) for name, rule, many in rules],
            "records",
        ),
        Table.of(("benchmark", "rule", "records"), rules, "FROM leaks"),
    )


def _distances(asked: Asked, distances: list[tuple[int, int]]) -> Chart:
    limit, many = asked.recipe.likeness.leak_distance, dict(distances)
    last = max(limit + 1, *many)
    rows = [(str(at), many.get(at, 0)) for at in range(last + 1)]
    return Chart(
        f"The farthest that was kept out is at distance {max(many)}; the limit is {limit}.",
        columns(
            "leak-distances",
            "Records by distance to a held-out image",
            rows,
            "Hamming distance",
            "records",
            "leak",
            (str(limit + 1), "limit"),
        ),
        Table.of(("distance", "records"), distances),
    )


def leak_pairs(asked: Asked, shots: Shots) -> Iterator[tuple[Picture, ...]]:
    """Yield dropped images beside the held-out ones that they would have leaked, the farthest apart first.

    Held-out images are shown by their thumbnails, the only picture of them that a run keeps.
    """
    for row in asked.rows(_SQL("pairs", stored=stored(_SQL("wanted")), most=PAIRS)):
        record, source, outcome, benchmark, item, rule, distance, variant, unit, at, size, thumbnail = row
        dropped = shots.stored(unit, at, size, f"{source} {record[:8]}", outcome, record)
        if not dropped.data:
            continue
        said = [rule if distance is None else f"{rule}, distance {distance}"]
        if thumbnail and rule == "hamming":
            left = _residual(shots.root / "fetch" / "blobs" / f"{unit}.bin", at, size, thumbnail, variant)
            if math.isfinite(left):
                said.append(f"residual {left:.1f}")
        if variant:
            said.append(f"turned: {DIHEDRAL[variant].replace('_', ' ')}")
        held = [shots.grey(thumbnail, f"{benchmark}: {item}", ", ".join(said))] if thumbnail else []
        yield (dropped, *held)


def _residual(path: Place, offset: int, length: int, thumbnail: bytes, variant: int | None) -> float:
    with path.open("rb") as handle:
        handle.seek(offset)
        raster = Image.open(BytesIO(handle.read(length))).convert("RGB")
    held = turned(thumbnails([thumbnail]), [variant or 0])
    return float(residuals(thumbnails([hash_image(raster).thumbnail]), held)[0])
