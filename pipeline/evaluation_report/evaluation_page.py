"""report.html of an evaluation: one file that loads nothing and runs nothing, the same bytes for the same input."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.cards.report import page
from pipeline.cards.sections.section import Numbers, Section, Table, Words, agree, count
from pipeline.embed.vector_files import DONE
from pipeline.evaluate import Evaluated, RunEvaluation, write_evaluation
from pipeline.evaluation_report.comparison import compared, read_compared
from pipeline.evaluation_report.group_section import groups
from pipeline.evaluation_report.measure_sections import calibrated, controls, learned, sliced, structure
from pipeline.evaluation_report.mistake_section import mistakes
from pipeline.evaluation_report.rank_section import ranks
from pipeline.evaluation_report.shown_pictures import ShownPictures
from pipeline.evaluation_report.subject import Subject, share, words
from pipeline.evaluation_report.taxon_sections import confused_pairs, likely_mislabels, worst_taxa
from pipeline.evaluation_report.training_section import training
from pipeline.model.errors import EvaluationError
from pipeline.storage.files.atomic import read_json, write_text
from pipeline.storage.places import place
from pipeline.train.journal import NAME, read_journal

REPORT = "report.html"
Given = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Beside:
    """What a report shows beside the evaluation."""

    training: Given | None = None
    """Folder of `biomill train`, whose log is drawn; None: it is not known."""
    rank: str = ""
    """That confusion is told by; '' for the finest that can be read."""
    compared: tuple[Given, ...] = ()
    """Folders of other evaluations."""


def write_with_report(
    folder: Path, where: Given, embeddings: Given, done: RunEvaluation, beside: Beside | None = None
) -> list[str]:
    """Write the files of an evaluation and its report into a folder, and return their names.

    `where` and `embeddings` as `evaluate_run` was given them. Raises EvaluationError for a training folder without a
    log, and for another evaluation that cannot be read, before anything is written.
    """
    beside = beside or Beside()
    others = tuple(read_compared(Path(each)) for each in beside.compared)
    journal = tuple(line for line in _journal(beside.training) if isinstance(line, dict))
    (folder / REPORT).unlink(missing_ok=True)
    written = write_evaluation(folder, done.pictures, done.found)
    subject = Subject(done.pictures, done.found, ShownPictures.of(where), journal, beside.rank, others)
    write_text(folder / REPORT, report_page(subject, model_name(embeddings)))
    return [*written, REPORT]


def report_page(subject: Subject, name: str) -> str:
    """Return the page; `name`: of the model or of its vectors."""
    facts = subject.found.evaluation
    condition = f", those where {facts.where}" if facts.where else ""
    description = f"{count(facts.evaluated, 'picture')} judged{condition}, of {_taxa(subject.found)}."
    return page("Report of an evaluation", name, description, sections_of(subject))


def sections_of(subject: Subject) -> Sequence[Section]:
    """Return the sections in their order; whom to name comes last, as it tells what others have shown."""
    other = compared(subject)
    return [
        _top(subject),
        ranks(subject),
        *([other] if other is not None else []),
        training(subject),
        mistakes(subject),
        groups(subject),
        worst_taxa(subject),
        confused_pairs(subject),
        likely_mislabels(subject),
        calibrated(subject),
        sliced(subject),
        controls(subject),
        learned(subject),
        structure(subject),
        _missing(subject),
        _credits(subject.shown),
    ]


def model_name(embeddings: Given) -> str:
    """Return what vectors are called: by the model that made them, where `biomill embed` did, else by their file."""
    mark = place(f"{os.fspath(embeddings)}/{DONE}")
    if Path(embeddings).is_dir() and mark.exists():
        return str(read_json(mark).get("model") or Path(embeddings).absolute().name)
    return Path(embeddings).absolute().name


def _journal(training: Given | None) -> Sequence[object]:
    """Return the lines of the training's log, none where no folder is named."""
    if training is None:
        return ()
    try:
        found = read_journal(place(os.fspath(training)))
    except (OSError, UnicodeDecodeError):
        found = []
    if not found:
        raise EvaluationError(
            "there is no log of a training run", str(training), f"a folder of `biomill train`: {NAME}"
        )
    return found


def _top(subject: Subject) -> Section:
    facts = subject.found.evaluation
    numbers = Numbers(
        (
            *(("pictures that teach", facts.trained), ("pictures judged", facts.evaluated)),
            *(("taxa of both", facts.classes), ("dimensions of a vector", facts.dimensions)),
        )
    )
    lines = []
    if facts.where:
        lines.append(f"Judged are the pictures where: {facts.where}")
    if facts.left_out:
        lines.append(
            f"{count(facts.left_out, 'picture')} without a vector {agree(facts.left_out, 'is', 'are')} left out."
        )
    missing = _absent(subject)
    if missing:
        lines.append(f"Missing: {'; '.join(missing)}.")
    best = facts.classifications[0] if facts.classifications else None
    said = "nothing could be classified"
    if best is not None:
        top = best.parts[0].top[0]
        said = f"{words(best.method)} gives {share(top.accuracy)} their taxon, of {best.candidates:,} taxa"
    answer = f"{count(facts.evaluated, 'picture')} of {_taxa(subject.found)} were judged: {said}."
    return Section("top", "What was measured?", answer, (numbers, Words(tuple(lines))) if lines else (numbers,))


def _taxa(found: Evaluated) -> str:
    """Return how many taxa the judged pictures are of; where nothing was classified, all that are read."""
    return count(sum(each.images > 0 for each in found.taxa) or found.evaluation.classes, "taxon", "taxa")


def _absent(subject: Subject) -> list[str]:
    """Return what a reader would look for and does not find, in few words."""
    facts = subject.found.evaluation
    found = []
    if not any(each.method == "zero_shot" for each in facts.classifications):
        found.append("zero-shot and calibration, as there are no texts")
    if not facts.trained:
        found.append("what needs pictures that teach")
    if not subject.journal:
        found.append("the training, as no log was given")
    if not any(each.name == "untrained" for each in facts.controls):
        found.append("the control of an untrained model")
    return found


def _missing(subject: Subject) -> Section:
    notes = subject.found.evaluation.notes
    question = "What is missing?"
    if not notes:
        return Section("missing", question, "Every measure was taken.")
    return Section("missing", question, f"{count(len(notes), 'measure')} could not be taken.", (Words(notes),))


def _credits(shown: ShownPictures) -> Section:
    question = "Whose pictures are these?"
    lines = list(_not_shown(shown))
    parts: list[Table | Words] = [Words(tuple(lines))] if lines else []
    if not shown.shown:
        return Section("credits", question, "No picture is shown.", tuple(parts), warns=bool(shown.gone))
    rows = [
        (each.key, each.creator or None, each.licence or None, each.source, each.link or None)
        for each in shown.shown.values()
    ]
    parts.insert(0, Table(("key", "creator or holder", "licence", "source", "page"), tuple(rows), len(rows)))
    answer = f"{count(len(rows), 'picture is', 'pictures are')} shown, each under its own licence."
    return Section("credits", question, answer, tuple(parts), warns=bool(shown.gone))


def _not_shown(shown: ShownPictures) -> Iterator[str]:
    if shown.gone:
        are = agree(len(shown.gone), "is", "are")
        yield (
            f"{count(len(shown.gone), 'picture')} {are} not shown, as a shard is not there or has other bytes than "
            "the run noted: `biomill verify RUN` says which."
        )
    if shown.omitted:
        yield f"{count(len(shown.omitted), 'picture')} more had no room in this file."
    if shown.run is None:
        yield "Creators and pages are told of a run with its catalog alone; here they are in the shards' KEY.json."
