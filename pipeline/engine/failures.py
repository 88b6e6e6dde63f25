"""What a work unit failed of, told by the unit itself, so that nobody has to read it out of a runner's tracebacks.

A unit that fails writes its error into the folder of its stage, under a temporary name that holds this attempt's own
number: every process and machine that sees the folder can tell, what an earlier attempt left is never taken for this
one's, and a sweep of leftovers removes it. The exception that goes on to the runner carries the same, packed into one
word of letters and digits that no quoting changes, for a folder that cannot be written to.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
import re
import traceback
import uuid
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from manifests.errors import BiomillError, RecipeError
from pipeline.engine.error_json import error_from_json, error_to_json
from pipeline.model.errors import MissingExtraError, NetworkLostError, RunError, StorageError, UnitsFailedError
from pipeline.storage.files.atomic import TEMPORARY_PREFIX, read_json, write_text
from pipeline.storage.places import Place, place

logger = logging.getLogger("biomill")

_WORD = re.compile(r"BIOMILLFAILURE([A-Za-z0-9_-]+=*)\.")
_UNIT_CHARACTERS = 300
_ENDING = (NetworkLostError, StorageError, RunError, MissingExtraError, RecipeError, SystemExit, MemoryError)
_MOST_FAILED = 20
"""Units of one process that may fail before the rest is not tried any more."""
_FAILED: Counter[str] = Counter()
"""Units that failed in this process, by attempt."""


class UnitFailedError(Exception):
    """What a unit's failure is to the runner: its words are for a log, and its last word holds the error itself."""


@dataclass(frozen=True, slots=True)
class Report:
    """Where the units of one attempt at a stage tell how they failed; travels to the workers.

    >>> import tempfile
    >>> report = Report("fetch", tempfile.mkdtemp())
    >>> work = report.on(lambda unit: (_ for _ in ()).throw(StorageError("no space", where=f"unit {unit}")))
    >>> try:
    ...     work(7)
    ... except UnitFailedError as error:
    ...     print(report.explain(str(error)))
    no space
      where:  unit 7
    """

    label: str
    folder: str
    """The stage's folder, which all workers see."""
    attempt: str = field(default_factory=lambda: uuid.uuid4().hex)

    def on(self, work: Callable[[Any], Any]) -> Reported:
        """Return the work of a unit with its failures told."""
        return Reported(work, self)

    def on_unit(self, work: Callable[[Any], Any]) -> ReportedUnit:
        """Return the work of a unit whose failure, where it is of that unit alone, ends no other unit."""
        return ReportedUnit(work, self)

    def note(self, error: BaseException, unit: object) -> dict[str, Any] | None:
        """Write how a unit failed into the folder; return what was written, None when it cannot be."""
        told = {"error": error_to_json(error), "unit": repr(unit)[:_UNIT_CHARACTERS]}
        try:
            write_text(self._file(uuid.uuid4().hex[:12]), json.dumps(told))
        except (OSError, StorageError) as unwritten:
            logger.debug("the failure of a unit cannot be written: %s", unwritten)
            return None
        return told

    def tell(self, error: BaseException, unit: object) -> UnitFailedError:
        """Write how a unit failed, and return what the runner is to be told."""
        told = self.note(error, unit) or {"error": error_to_json(error), "unit": repr(unit)[:_UNIT_CHARACTERS]}
        # Names of files may hold what is no text, which a runner could not pass on.
        trace = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace").decode()
        return UnitFailedError(f"{trace}{_word(told)}")

    def files(self) -> list[Place]:
        """Return what the units of this attempt wrote, in the order of names."""
        return sorted(place(self.folder).glob(self._file("*").name))

    def clear(self) -> None:
        """Remove what the units of this attempt wrote."""
        for path in self.files():
            path.unlink(missing_ok=True)

    def explain(self, text: str) -> BiomillError | None:
        """Return the error of the unit that a pipeline failed of; None when no unit told of any.

        `text`: all that the runner said: the unit whose word is the last in it was the one, and without any, one of
        those that wrote a file. Where several units failed of different causes, the others are named in a warning.
        """
        told = [*filter(None, map(_read, self.files())), *_words(text)]
        if not told:
            return None
        first = told[-1]
        error = error_from_json(first["error"], self.label)
        error.add_note(f"stage {self.label!r}, work unit {first['unit']}")
        others = {error_from_json(each["error"], self.label).what for each in told}
        for what in sorted(others - {error.what}):
            error.add_note(f"another unit failed, too: {what}")
            logger.warning("%s: another work unit failed, too: %s", self.label, what)
        return error

    def failed_units(self, units: int) -> UnitsFailedError | None:
        """Return the error of a pipeline that came to its end with units that failed; None when none did.

        `units`: how many the pipeline had.
        """
        told = list(filter(None, map(_read, self.files())))
        if not told:
            return None
        reasons: dict[str, list[str]] = {}
        for each in told:
            reasons.setdefault(error_from_json(each["error"], self.label).what, []).append(str(each["unit"]))
        named = [f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''}: {why}" for why, names in reasons.items()]
        first = error_from_json(told[0]["error"], self.label)
        return UnitsFailedError(
            f"{first.what} ({len(told):,} of {units:,} work units; the others are done)",
            where=first.where or "; ".join(named[:3]),
            expected=first.expected,
            remedy=first.remedy or "mend the cause, then run the same command again: it does the missing units alone",
        )

    def _file(self, name: str) -> Place:
        return place(self.folder) / f"{TEMPORARY_PREFIX}failure-{self.attempt}-{name}.json"


@dataclass(frozen=True, slots=True)
class Reported:
    """The work of a unit, whose failure is told."""

    work: Callable[[Any], Any]
    report: Report

    def __call__(self, unit: Any) -> Any:
        """Do the work. Raises UnitFailedError for whatever it raises."""
        try:
            return self.work(unit)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - raised by who asked for the work
            raise self.report.tell(error, unit) from None  # it says all of it


@dataclass(frozen=True, slots=True)
class ReportedUnit:
    """The work of a unit, whose failure is noted for the end of the pipeline, while other units go on."""

    work: Callable[[Any], Any]
    report: Report

    def __call__(self, unit: Any) -> Any:
        """Do the work.

        Raises UnitFailedError for what would end every other unit as well: the network, the store, the recipe; and
        when so many units of this process have failed that the cause is none of theirs.
        """
        try:
            return self.work(unit)
        except (Exception, SystemExit) as error:
            _FAILED[self.report.attempt] += 1
            alone = not isinstance(error, _ENDING) and _FAILED[self.report.attempt] < _MOST_FAILED
            if not alone or self.report.note(error, unit) is None:
                raise self.report.tell(error, unit) from None
            logger.debug("a unit failed", exc_info=error)
            return None


def _word(told: dict[str, Any]) -> str:
    packed = zlib.compress(json.dumps(told).encode())
    checked = binascii.crc32(packed).to_bytes(4, "big") + packed
    return f"BIOMILLFAILURE{base64.urlsafe_b64encode(checked).decode()}."


def _words(text: str) -> Iterator[dict[str, Any]]:
    """Yield what stands in the words of a text, which may repeat them, and cut one off."""
    for word in dict.fromkeys(_WORD.findall(text)):
        try:
            checked = base64.urlsafe_b64decode(word)
            if binascii.crc32(checked[4:]).to_bytes(4, "big") == checked[:4]:
                yield json.loads(zlib.decompress(checked[4:]))
        except (ValueError, zlib.error):  # cut off by a runner that shortens what it says
            continue


def _read(path: Place) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = read_json(path)
    except (OSError, ValueError):
        return None
    return told
