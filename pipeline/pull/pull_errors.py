"""What can go wrong while a release is pulled from a provider's API."""

from __future__ import annotations

from pipeline.model.errors import PipelineError


class PullError(PipelineError):
    """A release cannot be pulled; the message says whether running the same command again helps."""


class TransientError(PullError):
    """An attempt failed in a way that another attempt may mend.

    `delay`: seconds that the host asked us to wait; `refused`: whether it certainly did nothing of what was asked.
    """

    def __init__(self, what: str, where: str = "", delay: float = 0.0, refused: bool = False) -> None:
        super().__init__(what, where)
        self.args = (what, where, delay, refused)
        self.delay, self.refused = delay, refused


class UncertainError(PullError):
    """A request was sent and its answer lost: the host may or may not have done what was asked."""

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what, where)
        self.args = (what, where)
