"""Pulling: what a provider's API holds, spooled to files that the sources read; every run after that is offline."""

from __future__ import annotations

from pipeline.pull.client import GBIF_API, Client, Patience
from pipeline.pull.credentials import Credentials
from pipeline.pull.download import FORMATS, existing, pull_download, request_for
from pipeline.pull.pages import MAX_LIMIT, MAX_WINDOW, pull_pages, search_parameters
from pipeline.pull.planning import plan_predicates, plan_summary
from pipeline.pull.predicates import check_predicate, checklist_key, load_predicate, parse_conditions, with_checklist
from pipeline.pull.pull_errors import PullError, TransientError, UncertainError

__all__ = [
    "FORMATS",
    "GBIF_API",
    "MAX_LIMIT",
    "MAX_WINDOW",
    "Client",
    "Credentials",
    "Patience",
    "PullError",
    "TransientError",
    "UncertainError",
    "check_predicate",
    "checklist_key",
    "existing",
    "load_predicate",
    "parse_conditions",
    "plan_predicates",
    "plan_summary",
    "pull_download",
    "pull_pages",
    "request_for",
    "search_parameters",
    "with_checklist",
]
