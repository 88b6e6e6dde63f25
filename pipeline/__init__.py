"""The pipeline: sources, media, stages, run, catalog, shards and the command line."""

from pipeline.model.errors import (
    ConservationError,
    FeedError,
    PipelineError,
    RunError,
    SourceError,
    StorageError,
    VerifyError,
    WorkerDiedError,
)
from pipeline.model.outcomes import Outcome

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
