"""Where the log goes beside `log.jsonl`: TensorBoard and Weights & Biases, each step once however often a run stops.

TensorBoard's files (`tensorboard/` in the output folder) are made anew from the journal when a run goes on, so that
none holds a step that is done again. Weights & Biases cannot take back what it was told: it hears of a step when the
checkpoint behind it is written, under an id that is kept, with the last step that it heard of, in `wandb.json`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from pipeline.model.errors import UsageError
from pipeline.storage.files.atomic import read_json, write_json
from pipeline.storage.places import Place
from pipeline.train.settings import Settings

Line = Mapping[str, Any]


class Sink(Protocol):
    """A log that is told a journal's lines, in the order of steps."""

    def note(self, line: Line) -> None:
        """Take a line of a step that may yet be done again."""

    def saved(self) -> None:
        """Take it that no step so far will be done again."""

    def close(self) -> None:
        """Write what is not written yet."""


def open_sinks(out: Place, settings: Settings, lines: Sequence[Line]) -> list[Sink]:
    """Return the sinks that are asked for, each told what an earlier process noted (`lines`).

    Raises UsageError where the output is no folder of this machine.
    """
    if settings.journals and not isinstance(out, Path):
        raise UsageError(
            f"journals names {', '.join(settings.journals)}, and the run is written to an address",
            str(out),
            "an output folder of this machine",
            "leave journals out: log.jsonl holds the same",
        )
    makers: dict[str, Callable[[Path, Settings, Sequence[Line]], Sink]] = {
        "tensorboard": TensorBoard,
        "wandb": WeightsAndBiases,
    }
    return [makers[name](Path(str(out)), settings, lines) for name in settings.journals]


class TensorBoard:
    """Scalars of every step in `tensorboard/`."""

    def __init__(self, out: Path, settings: Settings, lines: Iterable[Line]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = out / "tensorboard"
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        self._writer = SummaryWriter(str(folder))
        for line in lines:
            self.note(line)

    def note(self, line: Line) -> None:
        """Write the numbers of a line."""
        for name, value in _numbers(line).items():
            self._writer.add_scalar(name, value, int(line["step"]))

    def saved(self) -> None:
        """Bring all that was written to the disk."""
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()


class WeightsAndBiases:
    """A run of Weights & Biases, as its own variables say: WANDB_MODE=offline, WANDB_PROJECT, WANDB_API_KEY, ..."""

    def __init__(self, out: Path, settings: Settings, lines: Iterable[Line]) -> None:
        import wandb

        self._mark = out / "wandb.json"
        told: Any = read_json(self._mark) if self._mark.exists() else {"id": uuid.uuid4().hex[:12], "step": -1}
        self._id, self._told = str(told["id"]), int(told["step"])
        self._waiting: list[Line] = []
        try:
            self._run: Any = wandb.init(
                dir=str(out), id=self._id, name=out.name, resume="allow", config=settings.facts()
            )
        except wandb.Error as error:
            raise UsageError(
                f"Weights & Biases cannot begin: {' '.join(str(error).split())[:200]}",
                "the setting journals",
                "a key in WANDB_API_KEY, or WANDB_MODE=offline",
            ) from error
        for line in lines:
            self.note(line)
        self.saved()

    def note(self, line: Line) -> None:
        """Keep a line until its step is final; one that was told before is not told again."""
        if int(line["step"]) > self._told:
            self._waiting.append(line)

    def saved(self) -> None:
        """Send what was kept."""
        if not self._waiting:
            return
        self._told = int(self._waiting[-1]["step"])
        # Before it is told: a kill in between leaves steps out, and never doubles one.
        write_json(self._mark, {"id": self._id, "step": self._told})
        for line in self._waiting:
            self._run.log(_numbers(line), step=int(line["step"]))
        self._waiting.clear()

    def close(self) -> None:
        """End the run of this process."""
        self._run.finish()


def _numbers(line: Line) -> dict[str, float]:
    return {name: float(value) for name, value in line.items() if name != "step" and isinstance(value, int | float)}
