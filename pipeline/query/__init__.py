"""Questions in SQL to the catalog of a run, finished or not, and their answers in the formats that people read."""

from pipeline.query.arrow import arrow_answer
from pipeline.query.ask import answers
from pipeline.query.formats import FORMATS
from pipeline.query.prompt import prompt

__all__ = ["FORMATS", "answers", "arrow_answer", "prompt"]
