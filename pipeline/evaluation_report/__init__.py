"""The report of an evaluation: `report.html` beside `evaluation.json`, with the pictures of what went wrong."""

from __future__ import annotations

from pipeline.evaluation_report.comparison import read_compared
from pipeline.evaluation_report.evaluation_page import REPORT, Beside, report_page, write_with_report
from pipeline.evaluation_report.shown_pictures import ShownPictures
from pipeline.evaluation_report.subject import Compared, Subject

__all__ = [
    "REPORT",
    "Beside",
    "Compared",
    "ShownPictures",
    "Subject",
    "read_compared",
    "report_page",
    "write_with_report",
]
