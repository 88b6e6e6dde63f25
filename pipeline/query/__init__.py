"""Questions in SQL to the catalog of a run, finished or not, and their answers in the formats that people read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from manifests.lazy import lazy_names

if TYPE_CHECKING:
    from pipeline.query.arrow import arrow_answer
    from pipeline.query.ask import answers
    from pipeline.query.formats import FORMATS
    from pipeline.query.prompting import prompt

__all__ = ["FORMATS", "answers", "arrow_answer", "prompt"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "pipeline.query.arrow": ("arrow_answer",),
        "pipeline.query.ask": ("answers",),
        "pipeline.query.formats": ("FORMATS",),
        "pipeline.query.prompting": ("prompt",),
    },
)
