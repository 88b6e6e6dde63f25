"""Which life is in it? Classes and their families, by area."""

from __future__ import annotations

from collections import Counter

from pipeline.cards.plots import Bar, Figure, Leaf, bar, bars, shortened, treemap
from pipeline.cards.sections.section import NAMED, Asked, Chart, Row, Section, Table, count, folded, percent
from pipeline.storage.statements import Statements

_SQL = Statements(__name__)
CLASSES = 21
"""Bars of a narrow page: the twenty largest classes, and the others together."""
_NO_CLASS, _NO_FAMILY = "no class", "no family"


def tree(asked: Asked) -> Section:
    """Return the section: a treemap of classes and families, or bars of the genera of one family."""
    rows = asked.rows(_SQL("families"))
    question = "Which life is in it?"
    facts = {
        "families": [
            {"kingdom": kingdom, "class": cls, "family": family, "images": images, "taxa": taxa}
            for kingdom, cls, family, images, taxa in rows
        ]
    }
    if not rows:
        return Section("tree", question, "No image was kept.", facts=facts)
    images = sum(row[3] for row in rows)
    classes: Counter[str] = Counter()
    for _, cls, _, many, _ in rows:
        classes[cls or _NO_CLASS] += many
    first, most = min(classes.items(), key=lambda item: (-item[1], item[0]))
    families = len({row[2] for row in rows if row[2]})
    known = count(len(classes) - (_NO_CLASS in classes), "class", "classes")
    are = "have no class" if first == _NO_CLASS else f"are of {shortened(first, NAMED)}"
    answer = (
        f"{percent(most, images)} of the images {are}; in all there is life of {known} and "
        f"{count(families, 'family', 'families')}."
    )
    table = Table.of(
        ("kingdom", "class", "family", "images", "taxa"),
        rows,
        'SELECT "class", family, sum(images) AS images FROM taxa GROUP BY ALL ORDER BY images DESC',
    )
    narrow = None
    if len(rows) == 1:
        genera = asked.rows(_SQL("genera"))
        figure = bars("families", "Images by genus", [bar(name, many) for name, many in genera], "images")
    else:
        leaves = [Leaf(cls or _NO_CLASS, family or _NO_FAMILY, many) for _, cls, family, many, _ in rows]
        figure = treemap("families", "Images by class and family", leaves, "images")
        narrow = _largest_classes(rows, classes)
    note = "" if narrow is None else "Areas are images; a frame is a class. A narrow page has bars of classes."
    chart = Chart(listed_share(classes, images), figure, table, note=note, narrow=narrow)
    return Section("tree", question, answer, (chart,), facts)


def _largest_classes(rows: list[Row], classes: Counter[str]) -> Figure:
    """Return bars of the largest classes, each with its number of families; the others are one bar."""
    under = folded(classes, CLASSES, "other class", "other classes")
    images: Counter[str] = Counter()
    families: dict[str, set[str]] = {}
    for _, cls, family, many, _ in rows:
        images[under[cls or _NO_CLASS]] += many
        families.setdefault(under[cls or _NO_CLASS], set()).update([family] if family else [])
    drawn = [
        Bar(
            name,
            (("kept", many, f"{name}: {many:,}"),),
            f"{many:,}; {count(len(families[name]), 'family', 'families')}",
        )
        for name, many in sorted(images.items(), key=lambda item: (item[0] not in classes, -item[1], item[0]))
    ]
    return bars("families-narrow", "Images and families of the largest classes", drawn, "images")


def listed_share(classes: Counter[str], images: int) -> str:
    """Return the largest three classes with their shares.

    >>> listed_share(Counter({"Aves": 3, "Insecta": 1}), 4)
    'Aves 75 %, Insecta 25 %.'
    """
    order = sorted(classes.items(), key=lambda item: (-item[1], item[0]))[:3]
    return ", ".join(f"{shortened(name, NAMED)} {percent(many, images)}" for name, many in order) + "."
