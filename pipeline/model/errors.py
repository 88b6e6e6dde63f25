"""The pipeline's branch of the exception tree.

PipelineError
├── SourceError         a release cannot be read, or is worse than the recipe allows
├── StorageError        a file cannot be written (full disk, no permission)
├── ConservationError   rows in are not rows out plus outcomes
├── WorkerDiedError     a worker process ended while it held work
├── NetworkLostError    nobody can be asked: it is about us, not about single hosts
├── RunError            the output folder or the stage order does not allow what was asked
│   └── UsageError      the words of a command do not go together, or name what does not exist
├── MissingExtraError   what was asked for needs an extra that is not installed
├── EmptyResultError    nothing came out, and nobody said that this is meant
├── FeedError           shards cannot be read as training asks, or a saved position is of other data
├── EvaluationError     embeddings and labels do not go together, or a measure cannot be taken of them
└── VerifyError         a finished run does not hold what it promises
"""

from __future__ import annotations

from manifests.errors import BiomillError


class PipelineError(BiomillError):
    """Root of what can go wrong while the pipeline runs."""


class SourceError(PipelineError):
    """A release cannot be read, or has more malformed rows than the recipe allows."""


class StorageError(PipelineError):
    """A file cannot be written where it belongs."""


class ConservationError(PipelineError):
    """Rows in are not rows out plus outcomes."""


class WorkerDiedError(PipelineError):
    """A worker process ended while it held work."""


class UnitsFailedError(PipelineError):
    """Some work units failed, and all others are done; the same command does those that are missing."""


class NetworkLostError(PipelineError):
    """No host can be reached from here; the same command goes on when the network is back."""


class RunError(PipelineError):
    """The output folder or the order of stages does not allow what was asked."""


class UsageError(RunError):
    """The options and arguments of a command cannot be used together, or name what Biomill does not have."""


class MissingExtraError(PipelineError):
    """What was asked for needs a library of an extra that is not installed."""


class EmptyResultError(PipelineError):
    """Nothing came out of what was asked for, which is no success unless an empty result is meant."""


class FeedError(PipelineError):
    """Shards cannot be read as training asks, or a saved position belongs to other data or other rules."""


class EvaluationError(PipelineError):
    """Embeddings, labels and a run do not go together, or a measure cannot be taken of what there is."""


class VerifyError(PipelineError):
    """A finished run does not hold what it promises."""
