"""Is the split fair? Classes in each part, taxa that are in one alone, and groups that must be in one alone."""

from __future__ import annotations

from pipeline.cards.plots import Bar, shares
from pipeline.cards.sections.section import Asked, Chart, Section, Table, Words, agree, count, percent
from pipeline.storage.statements import Statements

CLASSES = 20
_SQL = Statements(__name__)


def split(asked: Asked) -> Section:
    """Return the section: train and val by class, taxa of one part, and groups over both."""
    question = "Is the split fair?"
    parts: dict[str, int] = dict(asked.rows("SELECT split, count(*) FROM shown GROUP BY 1 ORDER BY 1"))
    only_train, only_val, both = asked.one(_SQL("taxa"))
    straddling = asked.one(_SQL("straddling"))[0]
    classes = asked.rows(_SQL("classes", most=1000))
    facts = {
        "images": parts,
        "taxa_only_train": only_train,
        "taxa_only_val": only_val,
        "taxa_both": both,
        "groups_over_both": straddling,
        "classes": [{"class": name, "train": train, "val": val} for name, train, val in classes],
    }
    if len(parts) < 2:
        return Section(
            "split", question, f"One split: {next(iter(parts))}." if parts else "No image was kept.", facts=facts
        )
    images = sum(parts.values())
    answer = (
        f"{percent(parts.get('val', 0), images)} of the images are in val; "
        f"{count(both, 'taxon', 'taxa')} {agree(both, 'is', 'are')} in both "
        f"parts, {only_train:,} only in train, {only_val:,} only in val."
    )
    bars_ = [
        Bar(
            name or "no class",
            (("kept", train, f"train: {train:,}"), ("copies", val, f"val: {val:,}")),
            f"{train:,} / {val:,}",
        )
        for name, train, val in classes[:CLASSES]
    ]
    without = sum(not row[2] for row in classes)
    chart = Chart(
        f"{without:,} of {count(len(classes), 'class', 'classes')} {agree(without, 'has', 'have')} no image in val.",
        shares("split-classes", "Images of each class in train and val", bars_, "the class's images"),
        Table.of(("class", "train", "val"), classes),
        note="First part train, second val; at the right: train / val.",
    )
    lie = agree(straddling, "lies", "lie")
    groups = f"{count(straddling, 'group')} of like or related images {lie} over both parts; it must be 0."
    return Section("split", question, answer, (Words((groups,)), chart), facts, warns=bool(straddling))
