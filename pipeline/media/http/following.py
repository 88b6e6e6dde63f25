"""Where a redirect leads a job, or how it ends there: every hop passes the guards of the first URL."""

from __future__ import annotations

from dataclasses import replace

from manifests.recipe import FetchRules
from pipeline.media.http.asking import Answer, Asker
from pipeline.media.http.guards import Refusal
from pipeline.media.http.hosts import Job
from pipeline.model.fetched import Fetched
from pipeline.model.outcomes import Outcome

_ROBOTS_HOPS = 5  # RFC 9309 section 2.3.1.2


def follow(asker: Asker, rules: FetchRules, job: Job, answer: Answer) -> Fetched | None:
    """Return how a redirected job ends; None when it goes on, its `uri` being where the redirect leads."""
    limit = _ROBOTS_HOPS if job.robots_of else rules.max_redirects
    target = asker.redirect_target(job.uri, answer.location)
    if isinstance(target, Refusal):
        detail = f"redirect to {answer.location[:200]!r}: {target.reason}"
        return replace(answer.fetched, outcome=target.outcome, detail=detail)
    if job.hops >= limit:
        return Fetched(Outcome.TOO_MANY_REDIRECTS, final_url=target.url, detail=f"more than {limit} redirects")
    if job.budget <= 0:
        return replace(answer.fetched, outcome=Outcome.TIMEOUT, detail="no time left to follow a redirect")
    job.uri, job.hops = target, job.hops + 1
    return None
