"""One run of the pipeline over the real corpus, with its web served on loopback and TLS verified."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from manifests import Recipe, load_recipe
from tests.real_input.certificates import certify
from tests.real_input.corpus import build, hosts_of
from tests.real_input.photo_server import PhotoServer, serve


@dataclass(frozen=True, slots=True)
class Ready:
    """A corpus whose web answers: the recipe can be run."""

    corpus: Path
    recipe: Recipe
    server: PhotoServer


@contextmanager
def ready(folder: Path, data: Path, eol_rows: int = 0, frames_percent: int = 100) -> Iterator[Ready]:
    """Build the corpus into a new folder and serve it; inside the block, TLS trusts the corpus's authority alone."""
    recipe = load_recipe(build(folder, data, eol_rows))
    hosts = hosts_of(folder)
    certificate = certify(folder / "certificates", hosts)
    before = os.environ.get("SSL_CERT_FILE")
    with serve(data, folder, certificate, frames_percent) as server:
        routes = tuple(f"{host}={server.address}" for host in hosts)
        os.environ["SSL_CERT_FILE"] = str(certificate.authority)
        try:
            fetch = dataclasses.replace(recipe.fetch, connect_to=routes)
            yield Ready(folder, dataclasses.replace(recipe, fetch=fetch), server)
        finally:
            if before is None:
                del os.environ["SSL_CERT_FILE"]
            else:
                os.environ["SSL_CERT_FILE"] = before
