"""The replaying server, and a client of it that does not really wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.pull import Client, Credentials, Patience
from tests.pipeline.pull.replay import Replay, replaying

USER, PASSWORD = "merian@example.org", "pa$$ wörd/Surinam"
Clients = Callable[..., Client]


class Pauses(list[float]):
    """How long a client paused, instead of pausing."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def recordings() -> Path:
    folder = Path(__file__).parents[3] / "../shared/data/sources/gbif/api"
    if not folder.exists():
        pytest.skip("the folder of recorded API answers is not beside this repository")
    return folder.resolve()


@pytest.fixture
def server() -> Iterator[Replay]:
    with replaying() as running:
        yield running
        assert running.unknown == [], "everything that was asked had been recorded"


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def client(server: Replay, pauses: Pauses) -> Iterator[Client]:
    with Client(
        server.api,
        contact="mill@example.org",
        credentials=Credentials(USER, PASSWORD),
        patience=Patience(attempts=5, read=5.0),
        wait=pauses,
    ) as made:
        yield made
