"""Sections of numbers beside what chance gives: controls, learned measures, calibration, slices, structure."""

from __future__ import annotations

from pipeline.cards.sections.section import Chart, Section, Table, Words, listed
from pipeline.evaluation_report.reliability import reliability
from pipeline.evaluation_report.subject import Subject, share, short_number, with_deviation, words

_TOO_FAR = 5
"""Standard deviations (or, without any, chances) by which a control may lie above chance."""


def controls(subject: Subject) -> Section:
    """Return the controls beside chance; one that is far above it makes a warning."""
    question = "Do the controls find nothing?"
    found = subject.found.evaluation.controls
    if not found:
        return Section("controls", question, "There is none.")
    far = [
        words(each.name)
        for each in found
        if each.name != "untrained" and each.accuracy > each.chance + _TOO_FAR * (each.deviation or each.chance)
    ]
    answer = (
        f"Far above chance: {listed(far)}. Something tells the answer that should not."
        if far
        else "What can tell nothing comes out near chance."
    )
    rows = [(words(each.name), with_deviation(each.accuracy, each.deviation), share(each.chance)) for each in found]
    note = (
        "Untrained: a model of random weights, whose features still tell colours and shapes; a trained one is above it."
    )
    parts = [Table.of(("control", "right", "chance"), rows)]
    untrained = any(each.name == "untrained" for each in found)
    return Section(
        "controls", question, answer, (*parts, Words((note,))) if untrained else tuple(parts), warns=bool(far)
    )


def learned(subject: Subject) -> Section:
    """Return few-shot, the linear probe, prototypes and retrieval beside chance."""
    question = "What do the vectors hold, without texts?"
    facts = subject.found.evaluation
    rows: list[tuple[object, ...]] = []
    for part in facts.few_shot:
        for shot in part.few_shot:
            named = f"few-shot, {shot.k} of each, {words(part.part)}, {shot.classes:,} taxa"
            rows.append((named, with_deviation(shot.accuracy, shot.deviation), share(shot.chance)))
    if facts.linear_probe is not None:
        probe = facts.linear_probe
        rows.append((f"linear probe, {probe.classes:,} taxa", share(probe.accuracy), share(probe.chance)))
    rows += [
        (f"prototypes, {each.rank}, {each.prototypes:,} taxa", share(each.accuracy), share(each.chance))
        for each in facts.prototypes
        if each.accuracy is not None
    ]
    if facts.retrieval is not None:
        found = facts.retrieval
        rows += [(f"retrieval, recall@{each.k}", share(each.recall), share(each.chance)) for each in found.recall]
        rows.append(("retrieval, mean average precision", share(found.mean_average_precision), share(found.chance)))
    if not rows:
        return Section("learned", question, "None of these measures could be taken.")
    answer = f"{rows[0][0]}: {rows[0][1]}, where chance gives {rows[0][2]}."
    return Section("learned", question, answer.capitalize(), (Table.of(("measure", "found", "chance"), rows),))


def calibrated(subject: Subject) -> Section:
    """Return the diagram of calibration; there is none without texts."""
    question = "Is it as sure as it is right?"
    found = subject.found.evaluation.calibration
    if found is None:
        return Section("calibration", question, "There is no calibration: it is that of zero-shot, which needs texts.")
    difference = found.confidence - found.accuracy
    way = "too sure" if difference > 0 else "not sure enough"
    answer = (
        f"It is {way} by {100 * abs(difference):.1f} points of a hundred on average; the expected calibration error is "
        f"{share(found.expected_error)}, at the temperature {short_number(found.temperature)}."
    )
    rows = [
        (number + 1, each.images, share(each.confidence), share(each.accuracy))
        for number, each in enumerate(found.bins)
    ]
    chart = Chart(
        "How often predictions of a confidence are right: on the line it is as sure as it is right.",
        reliability("reliability", found.bins),
        Table.of(("bin", "pictures", "confidence", "right"), rows),
        note=f"The temperature was fitted on {found.fitted_on:,} pictures, and {found.images:,} others were judged.",
    )
    return Section("calibration", question, answer, (chart,))


def sliced(subject: Subject) -> Section:
    """Return accuracy by source, licence and category, with intervals."""
    question = "Is it equally good everywhere?"
    found = subject.found.evaluation.slices
    if not found:
        return Section("slices", question, "There are no slices: the pictures have no column to slice by.")
    worst = min(found, key=lambda each: (each.high, each.column, each.value))
    best = max(found, key=lambda each: (each.low, each.column, each.value))
    if best.low > worst.high and best.column == worst.column:
        answer = (
            f"By {words(best.column)}: {share(best.accuracy)} of {best.value or 'none'}, but {share(worst.accuracy)} "
            f"of {worst.value or 'none'}; the intervals do not overlap."
        )
    else:
        several = len({each.column for each in found}) < len(found)
        answer = "By source, licence and category; where intervals overlap, slices may differ by chance."
        if not several:
            answer = "That cannot be seen: all pictures are of one source, licence and category."
    names = list(dict.fromkeys(each.column for each in found))
    parts = []
    for name in names:
        rows = [
            (
                *(each.value or "none", each.images, each.taxa, share(each.accuracy)),
                *(f"{share(each.low)} to {share(each.high)}", short_number(each.mean_height)),
            )
            for each in sorted(found, key=lambda each: (-each.images, each.value))
            if each.column == name
        ]
        headers = (words(name), "pictures", "taxa", "right", "interval of 95 %", "mean ranks up the tree")
        parts.append(Table.of(headers, rows))
    return Section("slices", question, answer, tuple(parts))


def structure(subject: Subject) -> Section:
    """Return the emergent measures with their null level and p."""
    question = "What shape do the vectors have?"
    facts = subject.found.evaluation
    rows: list[tuple[object, ...]] = [
        (f"between / within, {each.rank}", short_number(each.ratio), short_number(each.null), short_number(each.p))
        for each in facts.spread
    ]
    rows += [
        (f"alignment with {each.against}", short_number(each.correlation), "0", short_number(each.p))
        for each in facts.alignment
    ]
    for variant in facts.variants:
        named, found = f"{words(variant.column)}, {variant.a} and {variant.b}", variant.measures
        p = short_number(found.difference_p)
        rows.append((f"rho, {named}", short_number(found.rho), short_number(found.rho_null), p))
        null = short_number(found.orthogonality_null)
        rows.append((f"orthogonality, {named}", short_number(found.orthogonality), null, p))
        fisher = short_number(found.fisher), short_number(found.fisher_null), short_number(found.fisher_p)
        rows.append((f"Fisher, {named}", *fisher))
    if not rows:
        return Section("structure", question, "None of these measures could be taken.")
    tree = next((each for each in facts.alignment if each.against == "tree"), None)
    answer = "Distances and directions between taxa and variants, beside what they would be without relation."
    if tree is not None:
        answer = (
            f"Distances between species follow the tree with a rank correlation of {short_number(tree.correlation)} "
            f"(0 without relation, p = {short_number(tree.p)})."
        )
    meaning = (
        "Between / within: spread of taxa of the rank to that within them. Alignment: rank correlation of distances",
        "between species. Rho: share of the difference of two variants within the span of species. Orthogonality: mean",
        "squared cosine of that difference to the differences of species. Fisher: how well variants are told apart.",
        "Without relation each is at its null level; p is by permutation. Where variants do not differ, rho and",
        "orthogonality are not told.",
    )
    return Section(
        "structure",
        question,
        answer,
        (Table.of(("measure", "found", "null level", "p"), rows), Words((" ".join(meaning),))),
    )
