"""Running one Beam pipeline after another: in this process, or with workers, and what happens when something dies.

The pipeline's stages are the same Beam graph on every runner (`EngineOptions`). Beam's local runner waits for minutes,
or for ever, when a worker process is killed. With workers it therefore runs in a process of its own (`Conductor`), and
the engine watches the workers from outside: a death ends the run with a clear error at once, and what is finished
stays finished, because every work unit is one atomically renamed file.
"""

from __future__ import annotations

import logging
import pickle
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from manifests.errors import BiomillError
from pipeline.engine.chosen import workers_for
from pipeline.engine.conductor import Conductor
from pipeline.engine.deaths import Death, begun, deaths
from pipeline.engine.error_json import failed
from pipeline.engine.executor import followed
from pipeline.engine.failures import Report
from pipeline.engine.job_follower import JobFollower
from pipeline.engine.limited import Limited, end_children
from pipeline.engine.options import LOCAL, PORTABLE, EngineOptions
from pipeline.engine.pipelines import BeamFailedError, Graph, Job, run_pipeline
from pipeline.engine.probe import Probe
from pipeline.engine.remedies import remedied
from pipeline.engine.runner_checks import check_runner
from pipeline.engine.unit_file import remove_units, write_units
from pipeline.engine.units import RunUnits
from pipeline.model.errors import WorkerDiedError
from pipeline.storage.places import Place, address_of

__all__ = ["Engine", "EngineOptions"]

logger = logging.getLogger("biomill")

Counts = Future[Counter[str] | None]
"""A pipeline that runs, and ends with what its units counted."""
_GRACE_SECONDS = 2.0
"""That a pipeline gets, which has lost a worker, to end by itself and say more."""
_START_SECONDS = 30.0
"""In which workers that are started at once have all made their first mark."""
_CHANNEL_CLOSED = "Channel closed prematurely"
"""What Beam says of a worker that went away, where it notices: mostly it waits for ever."""


@dataclass
class Engine(AbstractContextManager["Engine"]):
    """Runs pipelines one after another with the same options.

    >>> with Engine() as engine:
    ...     engine.options.workers
    1
    """

    options: EngineOptions = field(default_factory=EngineOptions)
    say: Callable[[str], None] = logger.info
    """Takes lines of progress about jobs at a service."""
    home: Place | None = None
    """The run's folder, where such a job is noted while it runs."""
    counted: dict[str, Counter[str]] = field(default_factory=dict)
    """What the units of each stage counted so far, as Beam's metrics tell it (`pipeline.engine.counted`)."""
    _chosen: int = field(default=1, init=False)
    """Workers of the next pipelines, where the options leave that open."""
    _conductor: Conductor | None = field(default=None, init=False)
    _follower: JobFollower | None = field(default=None, init=False)
    _looked: bool = field(default=False, init=False)
    """Whether a worker has seen a folder of the run."""

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        if self.options.unit_minutes:
            end_children()
        if self._conductor is not None:
            self._conductor.close()
            self._conductor = None

    @property
    def sharing(self) -> int:
        """How many workers share the units; 0 where nobody here knows."""
        return self._workers if self.options.runner in (LOCAL, PORTABLE) else 0

    @property
    def _workers(self) -> int:
        return self._chosen if self.options.auto else self.options.workers

    def expect(self, label: str, seconds: float) -> None:
        """Choose how many workers the next pipelines get, where nobody said so: their units take about this CPU time.

        Runners that are not of this machine choose by themselves.
        """
        if not self.options.auto or self.options.remote:
            return
        self._chosen = workers_for(seconds, self.options.workers)
        logger.debug("%s: about %.1f CPU seconds: workers %d", label, seconds, self._chosen)
        if self._chosen > 1:
            self.say(f"{label}: {self._chosen} worker processes, as its work pays for them")

    def check(self) -> None:
        """Raise UsageError, MissingExtraError or RunError for a runner that is not there, or lacks what it needs."""
        check_runner(self.options)
        self.options.check()

    def run(
        self,
        label: str,
        graph: Graph,
        folder: Place,
        tick: Callable[[], int | None] | None = None,
        units: int = sys.maxsize,
    ) -> None:
        """Build and run one pipeline; raise what failed in it, or WorkerDiedError when a worker process ended.

        `graph` can be pickled. `folder`: what all workers see, where their work tells how it failed. `tick` is called
        a few times a second while the pipeline runs; it may return how many units are done. `units`: how many work
        units it has; a local worker process costs two CPU seconds to start, so no more are started than there are
        units.
        """
        self._tick_along(self._followed(Report(label, address_of(folder)), graph, units), tick)

    def run_units(
        self,
        label: str,
        units: Sequence[Any],
        work: Callable[[Any], object],
        folder: Place,
        tick: Callable[[], int | None] | None = None,
    ) -> None:
        """Run the work on every unit, see `Executor.follow`; `tick` as in `run`."""
        self._tick_along(self.follow(label, units, work, folder), tick)

    def follow(self, label: str, units: Sequence[Any], work: Callable[[Any], object], folder: Place) -> Generator[None]:
        """Call `work` with every unit, see `Executor`."""
        report = Report(label, address_of(folder))
        if self.options.unit_minutes and not getattr(work, "waits_for_hosts", False):
            work = Limited(work, self.options.unit_minutes)
        try:
            path = write_units(folder, units)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            logger.debug("the units cannot be pickled", exc_info=True)
            raise failed(label, f"{type(error).__name__}: {error}") from error
        try:
            yield from self._followed(report, RunUnits(label, address_of(path), work, self.options.remote), len(units))
        finally:
            remove_units(path)

    def _tick_along(self, steps: Generator[None], tick: Callable[[], int | None] | None) -> None:
        done = None
        with closing(steps):
            for _ in steps:
                if tick and (now := tick()) != done:
                    done = now
                    if self._follower:
                        self._follower.worked()

    def _probed(self, folder: str) -> Generator[None]:
        """Have one worker look at the folder before the first pipeline that may go to other machines."""
        if not self.options.remote or self._looked:
            return  # the workers are this process, or forks of one that it starts
        probe = Probe(folder)
        probe.ask()
        try:
            yield from self._run(Report("probe", folder), probe, 1)
            probe.check()
        finally:
            probe.clear()
        self._looked = True

    def _followed(self, report: Report, graph: Graph, units: int) -> Generator[None]:
        yield from self._probed(report.folder)
        yield from self._run(report, graph, units)

    def _run(self, report: Report, graph: Graph, units: int) -> Generator[None]:
        try:
            workers = min(self._workers, units)
            future, marks = self._started(report, graph, workers)
            together = workers if self.options.runner == LOCAL and workers > 1 else 0
            if marks is not None and self.options.remote:
                self._follower = JobFollower(marks, self.home, self.say)
            try:
                yield from self._watched(future, marks, together, report)
                self.counted.setdefault(report.label, Counter()).update(future.result() or {})
                if partly := report.failed_units(units):
                    raise partly
            except BeamFailedError as error:
                logger.debug("%s", error.text)
                raise _explained(error, report, marks) from None
            except BiomillError:
                raise
            except Exception as error:  # such as the graph's own modules, which its process cannot import
                logger.debug("the pipeline did not begin", exc_info=True)
                raise failed(report.label, f"{type(error).__name__}: {error}") from error
            finally:
                self._part(future)
        finally:
            report.clear()

    def _part(self, future: Counts) -> None:
        """End what a pipeline left that is not waited for any more."""
        follower, self._follower = self._follower, None
        try:
            if follower and not future.done():
                follower.cancel(future)
            elif follower:
                follower.ended()
        finally:
            if not future.done():
                self._end()

    def _started(self, report: Report, graph: Graph, workers: int) -> tuple[Counts, Path | None]:
        """Start a pipeline; return its future, and the folder of its workers' marks where there are any."""
        debug = logger.isEnabledFor(logging.DEBUG)

        def job(marks: str, debug: bool) -> Job:
            return Job(graph, report, self.options, workers, marks, debug)

        if self.options.in_process or (self.options.auto and self.options.runner == LOCAL and workers == 1):
            return _in_thread(job("", debug)), None
        if self._conductor is None:
            self._conductor = Conductor(debug)
        try:
            return self._conductor.start(job)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            logger.debug("the pipeline cannot be pickled", exc_info=True)
            raise failed(report.label, f"{type(error).__name__}: {error}") from error

    def _steps(self, future: Counts, report: Report) -> Generator[None]:
        try:
            yield from followed([future])
        except WorkerDiedError as error:  # the conductor itself, which holds the work where it has no workers
            self._end()
            raise _worker_died(report.label, ()) from error

    def _watched(self, future: Counts, marks: Path | None, together: int, report: Report) -> Generator[None]:
        """Yield until the pipeline ends; raise WorkerDiedError when it waits for a worker process that is gone.

        `together`: how many workers are started at once; 0: nobody knows.
        """
        lost_since: float | None = None
        for _ in self._steps(future, report):
            yield
            if self._follower:
                self._follower.look()
            if marks is None:
                continue
            gone, grace = deaths(marks), _GRACE_SECONDS
            if not gone and 0 < begun(marks) < together:
                grace = _START_SECONDS  # that nobody needs to make a mark: one ended before it could
            elif not gone:
                lost_since = None
                continue
            lost_since = lost_since or time.monotonic()
            if time.monotonic() - lost_since > grace and not future.done():
                # A worker that failed of its work may have told so before it went.
                raise report.explain("") or _worker_died(report.label, gone)


def _explained(error: BeamFailedError, report: Report, marks: Path | None) -> BiomillError:
    """Return the error of Biomill that a failed pipeline ended by."""
    told = report.explain(error.text)
    if told is None and marks and any(marks.iterdir()):
        killed = [death for death in deaths(marks) if death.killed]
        if killed or _CHANNEL_CLOSED in error.last:
            return _worker_died(report.label, killed)
    return told or remedied(f"{error.text}\n{error.last}") or failed(report.label, error.last)


def _in_thread(job: Job) -> Counts:
    """Run a pipeline in a thread of this process, so that what waits for it can be interrupted."""
    future: Counts = Future()

    def run() -> None:
        try:
            future.set_result(run_pipeline(job))
        except BaseException as error:  # noqa: BLE001 - carried to the caller's thread, where it is raised
            future.set_exception(error)

    threading.Thread(target=run, name=f"beam-{job.report.label}", daemon=True).start()
    return future


def _worker_died(label: str, gone: Sequence[Death]) -> WorkerDiedError:
    last_words = next((death.last_words for death in gone if not death.killed), "")
    return WorkerDiedError(
        f"a worker process of stage {label!r} ended while it held work",
        where=last_words,
        expected="worker processes live until their stage is done; the kernel's log tells if memory was short",
        remedy="run the same command again: finished work units are kept; --workers 1 needs less memory",
    )
