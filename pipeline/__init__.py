"""The mill: sources, media, stages, run, catalog, shards and the command line."""

from pipeline.errors import (
    ConservationError,
    FeedError,
    PipelineError,
    RunError,
    SourceError,
    StorageError,
    VerifyError,
    WorkerDiedError,
)
from pipeline.outcomes import Outcome

__all__ = [
    "ConservationError",
    "FeedError",
    "Outcome",
    "PipelineError",
    "RunError",
    "SourceError",
    "StorageError",
    "VerifyError",
    "WorkerDiedError",
]
