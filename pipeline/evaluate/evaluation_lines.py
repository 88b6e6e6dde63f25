"""An evaluation as lines for people: the figures beside their chance level, the worst taxa, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.evaluate.classification import Classification, Within
from pipeline.evaluate.evaluation import Evaluated, Evaluation
from pipeline.evaluate.labelled import Labelled
from pipeline.evaluate.measures.diagnostics import MOST_WRONG, DiagnosticCounts
from pipeline.evaluate.measures.slices import Slice
from pipeline.model.text_table import table_lines

_WORST = 10


def evaluation_lines(pictures: Labelled, found: Evaluated) -> Iterator[str]:
    """Yield what was measured, measure by measure."""
    facts = found.evaluation
    left = f"; {facts.left_out:,} without an embedding are left out" if facts.left_out else ""
    yield (
        f"{facts.images:,} pictures of {facts.classes:,} taxa, {facts.dimensions:,} dimensions: "
        f"{facts.trained:,} teach, {facts.evaluated:,} are judged{left}"
    )
    if facts.where:
        yield f"judged are those where: {' '.join(facts.where.split())}"
    for classified in facts.classifications:
        yield ""
        yield from _classification(classified)
    yield from _learned(facts)
    yield from _structure(facts)
    if facts.slices:
        yield ""
        rows = [
            [
                each.column,
                each.value or "(none)",
                each.images,
                _share(each.accuracy),
                _interval(each),
            ]
            for each in facts.slices
            if each.column != "license_id"
        ]
        yield from table_lines(["slice by", "value", "pictures", "right", "interval of 95 %"], rows)
    if facts.diagnostics is not None:
        yield ""
        yield _labels(facts.diagnostics)
    yield from _worst(pictures, found)
    if facts.controls:
        yield ""
        rows = [[each.name, _spread(each.accuracy, each.deviation), _share(each.chance)] for each in facts.controls]
        yield from table_lines(["control", "right", "chance"], rows)
    if facts.notes:
        yield ""
        yield from (f"note: {note}" for note in facts.notes)


def _classification(found: Classification) -> Iterator[str]:
    name = found.method.replace("_", " ")
    yield f"{name}, among {found.candidates:,} taxa"
    rows = []
    for part in found.parts:
        top = {each.k: each.accuracy for each in part.top}
        ranks = {each.rank: each.accuracy for each in part.ranks}
        row = [part.name, part.images, *(_share(top.get(k)) for k in (1, 3, 5))]
        row += [_share(ranks[rank]) for rank in ("genus", "family", "order")]
        row += [_number(part.severity.over_mistakes), _number(part.severity.over_all)]
        rows.append([*row, *_within(part.within)])
    names = ["part", "pictures", "top-1", "top-3", "top-5", "genus", "family", "order"]
    yield from table_lines([*names, "height of mistakes", "of all", "among its own taxa", "their family"], rows)


def _within(found: Within | None) -> tuple[str, str]:
    if found is None:
        return "-", "-"
    family = {each.rank: each.accuracy for each in found.ranks}["family"]
    return f"{_share(found.accuracy)} of {found.classes:,}", _share(family)


def _learned(facts: Evaluation) -> Iterator[str]:
    rows: list[list[object]] = []
    for part in facts.few_shot:
        for shot in part.few_shot:
            name = f"few-shot, k = {shot.k}, {part.part}, {shot.classes:,} taxa"
            rows.append([name, _spread(shot.accuracy, shot.deviation), _share(shot.chance)])
    if facts.linear_probe is not None:
        probe = facts.linear_probe
        rows.append([f"linear probe, {probe.classes:,} taxa", _share(probe.accuracy), _share(probe.chance)])
    for each in facts.prototypes:
        if each.accuracy is not None:
            name = f"prototypes, {each.rank}, {each.prototypes:,} taxa"
            rows.append([name, _share(each.accuracy), _share(each.chance)])
    if facts.retrieval is not None:
        for recall in facts.retrieval.recall:
            rows.append([f"retrieval, recall@{recall.k}", _share(recall.recall), _share(recall.chance)])
        rows.append(["retrieval, mAP", _share(facts.retrieval.mean_average_precision), _share(facts.retrieval.chance)])
    if rows:
        yield ""
        yield from table_lines(["measure", "found", "chance"], rows)
    if facts.calibration is not None:
        calibration = facts.calibration
        yield (
            f"calibration: error {_share(calibration.expected_error)} at temperature {calibration.temperature:.4g}; "
            f"confidence {_share(calibration.confidence)}, accuracy {_share(calibration.accuracy)}"
        )


def _structure(facts: Evaluation) -> Iterator[str]:
    rows: list[list[object]] = []
    for spread in facts.spread:
        rows.append(
            [f"between / within, {spread.rank}", _number(spread.ratio), _number(spread.null), f"{spread.p:.3g}"]
        )
    for each in facts.alignment:
        rows.append([f"alignment with {each.against}", _number(each.correlation), "0", f"{each.p:.3g}"])
    for variant in facts.variants:
        name, found = f"{variant.column}, {variant.a} and {variant.b}", variant.measures
        p = f"{found.difference_p:.3g}"
        rows.append([f"rho, {name}", _number(found.rho), _number(found.rho_null), p])
        rows.append([f"orthogonality, {name}", _number(found.orthogonality), _number(found.orthogonality_null), p])
        fisher_p = "-" if found.fisher_p is None else f"{found.fisher_p:.3g}"
        rows.append([f"Fisher, {name}", _number(found.fisher), _number(found.fisher_null), fisher_p])
    if rows:
        yield ""
        yield from table_lines(["structure", "found", "null", "p"], rows)


def _worst(pictures: Labelled, found: Evaluated) -> Iterator[str]:
    """Yield the taxa that are known least often, with what is most often taken for them."""
    taken: dict[int, str] = {}
    for pair in found.confusion:
        taken.setdefault(pair.true, f"{_name(pictures, pair.predicted)} ({pair.images})")
    known = [each for each in found.taxa if each.accuracy is not None and each.accuracy < 1]
    worst = sorted(known, key=lambda each: (each.accuracy, -each.images, each.taxon))[:_WORST]
    rows = [
        [
            _name(pictures, each.taxon),
            each.images,
            _share(each.accuracy),
            taken.get(each.taxon, "-"),
        ]
        for each in worst
    ]
    if rows:
        yield ""
        yield from table_lines(["worst taxa", "pictures", "right", "most often taken for"], rows)


def _labels(found: DiagnosticCounts) -> str:
    estimated = _share(found.estimated_mislabelled)
    named = f"{found.likely_mislabels:,} likely mislabels ({estimated} of labels are estimated to be wrong)"
    if found.estimated_mislabelled > MOST_WRONG:
        named = f"none is named, as {estimated} would be wrong by these embeddings, which cannot tell then"
    return (
        f"labels: {named}, {found.outliers:,} outliers, {found.nearer_to_wrong:,} nearer to another taxon; "
        f"{found.not_judged:,} have no other group of their taxon"
    )


def _name(pictures: Labelled, taxon: int) -> str:
    return pictures.names[taxon] if pictures.names else pictures.classes[taxon]


def _spread(value: float, deviation: float | None) -> str:
    return _share(value) + ("" if deviation is None else f" +- {_share(deviation)}")


def _interval(found: Slice) -> str:
    return f"{_share(found.low)} to {_share(found.high)}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
