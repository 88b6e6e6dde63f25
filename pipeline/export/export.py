"""Export: a chosen part of a finished run, in a folder of its own, with the attribution of every image in it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.cards import ATTRIBUTION, write_attribution
from pipeline.export.choice import WITHDRAWN, Choice, choose
from pipeline.export.classes import class_column, unclassed
from pipeline.export.coco import export_coco
from pipeline.export.folders import export_folders, without_train
from pipeline.export.hugging_face import export_hugging_face
from pipeline.export.tar_shards import export_shards
from pipeline.export.written import write_rows
from pipeline.export.yolo import boxed, export_yolo
from pipeline.model.errors import RunError, UsageError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, storage_error, write_json
from pipeline.storage.places import Place
from pipeline.storage.run_folder import on_disk
from pipeline.withdrawal import look

_BY_CLASS = {"coco": export_coco, "yolo": export_yolo, "hugging-face": export_hugging_face}
FORMATS = ("shards", "folders", *_BY_CLASS)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: asked = exported + refused + without a class.

    Refused are samples that may not leave, and those that the layout has no place for, by reason.
    """

    asked: int
    exported: int
    refused: dict[str, int]
    unclassed: int
    files: dict[str, int]
    """Samples by shard, or by split."""
    withdrawals: str = ""
    """Which lists of withdrawals were looked at, in words; empty for none."""


def export(
    root: Place,
    out: Path,
    form: str,
    where: str = "",
    sql: str = "",
    level: str = "species",
    empty_classes: bool = False,
    withdraw: Sequence[Path] = (),
) -> Exported:
    """Export chosen samples of a finished run; the folder appears under its name only when it is complete.

    `level`: what a class is, where the layout has classes. `empty_classes`: class folders also where they are empty.
    `withdraw`: lists of what is withdrawn. Where any is named, all samples that it, or the recipe's own lists as they
    stand now, mean are left out; where none is, such a sample among the chosen ones is an error.

    Raises RunError when the run is not finished, the folder exists, nothing is chosen, or what is chosen is withdrawn;
    VerifyError when an image has changed since it was stored; StorageError when the folder cannot be written.
    """
    if form not in FORMATS:
        raise UsageError(f"no such format: {form!r}", expected=f"one of {', '.join(FORMATS)}")
    class_column(level)
    if empty_classes and form != "folders":
        raise RunError("only class folders can be empty", where=form, remedy="export with --format folders")
    folder = on_disk(root)
    folder.require("catalog")
    target = out.absolute()
    if target.exists():
        raise RunError("the output folder exists", where=str(out), remedy="name a new folder, or delete this one")
    if target.is_relative_to(folder.root):
        raise RunError("the output folder lies inside the run", where=str(out), remedy="name a folder outside of it")
    recipe = folder.recipe()
    part = target.with_name(f"{TEMPORARY_PREFIX}{target.name}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        looked = look(folder.root, withdraw)
        withdrawn = [key for key, _ in looked.samples]
        with choose(folder.root, recipe, where, sql, withdrawn, folder.images) as chosen:
            if not withdraw:
                looked.among(chosen.refused_for(WITHDRAWN)).refuse(root)
            choice, classed = chosen, form != "shards"
            lost = unclassed(choice, level) if classed else 0
            if lost == choice.kept:
                raise RunError(f"no chosen sample has a {level}", remedy="choose another level with --classes")
            if form == "folders":
                choice = choice if empty_classes else without_train(choice, level)
                files = export_folders(choice, part, level, empty_classes)
            elif form == "shards":
                files = export_shards(choice, part)
            else:
                choice = boxed(choice, level) if form == "yolo" else choice
                files = _BY_CLASS[form](choice, part, level)
            if not files:
                raise RunError(
                    f"none of the {choice.asked:,} chosen samples has a place in {form}",
                    where=", ".join(f"{reason} {number:,}" for reason, number in choice.refused.items()),
                    remedy="choose others, or another --format",
                )
            _beside(choice, part, level if classed else "")
            told = looked.sentence() if looked.lists else ""
            done = Exported(choice.asked, sum(files.values()), dict(choice.refused), lost, files, told)
        note = {"format": form, "where": where, "sql": sql, "recipe": recipe.name, "asked": done.asked}
        counts = {"exported": done.exported, "refused": done.refused, "unclassed": lost, "files": files}
        write_json(part / "export.json", note | counts)
        part.rename(target)
    except OSError as error:
        raise storage_error(error, out) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return done


def _beside(choice: Choice, part: Path, level: str) -> None:
    """Write the attribution of what leaves, and the key and reason of what does not."""
    classed = f"WHERE key IN (SELECT key FROM samples WHERE {class_column(level)} IS NOT NULL)" if level else ""
    write_attribution(
        choice.con,
        f"SELECT * FROM attribution JOIN leaving USING (key) {classed} ORDER BY key",
        part / ATTRIBUTION,
    )
    refused = choice.con.execute("SELECT key, reason FROM chosen WHERE reason IS NOT NULL ORDER BY key").fetchall()
    if refused:
        write_rows(part / "refused.csv", ("key", "reason"), refused)
