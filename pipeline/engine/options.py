"""Where pipelines run: the runner, and how many worker processes."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.model.errors import UsageError

LOCAL, PORTABLE = "local", "portable"


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """Where the pipelines run.

    local       Beam's Fn API runner in this process (1 worker), or with worker processes (2 and more)
    portable    a job service and SDK workers as processes of their own: the protocol that Flink and Dataflow speak
    NAME        any other Beam runner by its name, with options passed through
    """

    runner: str = LOCAL
    workers: int = 1
    job_endpoint: str = ""
    """Portable runner: an existing job service 'host:port'; empty: one is started for this run."""
    beam_options: tuple[str, ...] = ()
    """Options passed to Beam as they are, such as '--project=x'."""
    unit_minutes: float = 0.0
    """That a work unit may take, but for those that wait for hosts (`pipeline.engine.limited`); 0: no limit."""
    auto: bool = False
    """Whether `workers` is only the most that a stage may have, which gets as many as pay for themselves."""

    @property
    def in_process(self) -> bool:
        """Whether the pipelines run in this process, which then starts no other."""
        return self.runner == LOCAL and self.workers == 1

    @property
    def pool_needed(self) -> bool:
        """Whether worker processes are started for the run."""
        return self.job_service_needed or (self.runner == LOCAL and self.workers > 1)

    @property
    def job_service_needed(self) -> bool:
        """Whether a job service is started for the run."""
        return self.runner == PORTABLE and not self.job_endpoint

    @property
    def remote(self) -> bool:
        """Whether the pipelines are given to somebody else's service, whose workers may be on other machines."""
        return not self.in_process and not self.pool_needed

    def check(self) -> None:
        """Raise UsageError when the options name a runner that Beam does not have, or no worker.

        >>> EngineOptions().check()
        """
        if self.unit_minutes < 0:
            raise UsageError(f"work units of {self.unit_minutes:g} minutes", expected="more than 0, or 0 for no limit")
        if self.workers < 1:
            raise UsageError(f"{self.workers} worker processes cannot work", expected="1 or more")
        if self.runner in (LOCAL, PORTABLE):
            return
        from apache_beam.runners.runner import create_runner

        try:
            create_runner(self.runner)
        except (ValueError, ImportError) as error:
            raise UsageError(
                f"Beam has no runner {self.runner!r} here: {error}",
                expected="local, portable, or a runner of Beam that is installed",
                remedy="correct --runner, or install what the runner needs (such as apache-beam[gcp] for Dataflow)",
            ) from error
