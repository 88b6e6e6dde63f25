"""Is the split fair? Images and classes in each part, taxa that are in one alone, and groups that must be in one."""

from __future__ import annotations

from manifests import Recipe
from pipeline.cards.plots import Bar, shares
from pipeline.cards.sections.section import Asked, Chart, Section, Table, Words, agree, count, percent
from pipeline.splits.shares import shared_images
from pipeline.storage.statements import Statements

CLASSES = 20
_SQL = Statements(__name__)
_KINDS = ("kept", "copies", "rights", "names", "fetch", "leak")
"""Colours of the parts, from the first on; what each is, is written."""


def wanted_shares(recipe: Recipe) -> dict[str, float]:
    """Return the percent that a recipe wants of each split, in its order; a split that is only listed has none.

    >>> wanted_shares(Recipe("r", ()))
    {'train': 95.0, 'val': 5.0}
    """
    if recipe.splits is not None:
        return {split.name: split.percent for split in recipe.splits if split.percent}
    validation = recipe.select.validation_percent
    return {"train": 100.0 - validation, "val": validation}


def split(asked: Asked) -> Section:
    """Return the section: shares of the splits, classes in each, taxa of one split alone, groups over several."""
    question = "Is the split fair?"
    wanted = wanted_shares(asked.recipe)
    asked.rows(_SQL("taxa"))
    found = {name: (images, taxa) for name, images, taxa in asked.rows(_SQL("by_split"))}
    named = [each.name for each in asked.recipe.splits] if asked.recipe.splits is not None else list(wanted)
    parts = [name for name in named if name in found] + sorted(found.keys() - set(named))
    first = next(iter(wanted))
    everywhere, beside_first, one_sided = asked.one(_SQL("spread", splits=max(len(parts), 1), first=first))
    only: dict[str, int] = dict(asked.rows(_SQL("only")))
    straddling = asked.one(_SQL("straddling"))[0]
    classes: dict[str | None, dict[str, int]] = {}
    for name, part, images in asked.rows(_SQL("classes", most=1000)):
        classes.setdefault(name, {})[part] = images
    asked.con.execute("DROP TABLE shown_splits")
    whole = sum(images for images, _ in found.values())
    shared = shared_images(asked.recipe, {name: images for name, (images, _) in found.items()})
    caps = {each.name: each.cap_per_taxon for each in asked.recipe.splits or () if each.cap_per_taxon is not None}
    facts = {
        "images": {name: found[name][0] for name in parts},
        "wanted": wanted,
        "taxa": {name: found[name][1] for name in parts},
        "taxa_everywhere": everywhere,
        "taxa_only": {name: only[name] for name in parts if name in only},
        "taxa_not_in_first": beside_first,
        "taxa_one_sided": one_sided,
        "groups_over_both": straddling,
        "classes": [{"class": name, "images": images} for name, images in classes.items()],
        **({"caps": caps} if caps else {}),
    }
    if len(parts) < 2:
        return Section("split", question, f"One split: {parts[0]}." if parts else "No image was kept.", facts=facts)
    answer = (
        f"{percent(found[parts[1]][0], whole)} of the images are in {parts[1]}"
        + "".join(f", {percent(found[name][0], whole)} in {name}" for name in parts[2:])
        + f"; {count(everywhere, 'taxon', 'taxa')} {agree(everywhere, 'is', 'are')} in every split, "
        + ", ".join(f"{only.get(name, 0):,} only in {name}" for name in parts)
        + "."
    )
    table = Table.of(
        (
            *("split", "wanted %", "images", "share %", "off by points", "taxa", "taxa only here"),
            *(["at most of a taxon"] if caps else []),
        ),
        [
            (
                name,
                wanted.get(name, "listed" if name in named else ""),
                found[name][0],
                round(100 * found[name][0] / (shared if name in wanted else whole), 1),
                round(100 * found[name][0] / shared - wanted[name], 1) if name in wanted else "",
                found[name][1],
                only.get(name, 0),
                *([caps.get(name, "")] if caps else []),
            )
            for name in parts
        ],
    )
    bars_ = [
        Bar(
            name or "no class",
            tuple(
                (_KINDS[place % len(_KINDS)], images.get(part, 0), f"{part}: {images.get(part, 0):,}")
                for place, part in enumerate(parts)
            ),
            " / ".join(f"{images.get(part, 0):,}" for part in parts),
        )
        for name, images in list(classes.items())[:CLASSES]
    ]
    without = sum(any(not images.get(part) for part in parts[1:]) for images in classes.values())
    lacking = " or ".join(parts[1:])
    chart = Chart(
        f"{without:,} of {count(len(classes), 'class', 'classes')} {agree(without, 'has', 'have')} no image in "
        f"{lacking}.",
        shares("split-classes", f"Images of each class in {', '.join(parts)}", bars_, "the class's images"),
        Table.of(
            ("class", *parts), [(name, *(images.get(part, 0) for part in parts)) for name, images in classes.items()]
        ),
        note=f"From the left {', '.join(parts)}; at the right: {' / '.join(parts)}.",
    )
    lie = agree(straddling, "lies", "lie")
    said = [f"{count(straddling, 'group')} of like or related images {lie} over several splits; it must be 0."]
    if one_sided:
        said.append(
            f"{count(one_sided, 'taxon', 'taxa')} of at least {len(parts)} groups {agree(one_sided, 'is', 'are')} in "
            "one split alone."
        )
    shown = Words(tuple(said))
    return Section("split", question, answer, (table, shown, chart), facts, warns=bool(straddling))
