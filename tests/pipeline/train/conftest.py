"""The dataset of the tests of the feed, which training reads."""

from __future__ import annotations

from tests.pipeline.feed.conftest import dataset

__all__ = ["dataset"]
