"""Workers and drivers that share nothing but a bucket leave the bytes of a run on one disk, whoever of them dies."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.demo.run import prepared_corpus
from pipeline.demo.server import connect_to, serve
from pipeline.storage.places import RemotePath
from pipeline.storage.stores import open_store
from tests.clusters.machines import Cluster, command, dask, lonely, needs_namespaces, portable, running
from tests.real_input.prepared import ready
from tests.real_input.released import ARCHIVE, DATA
from tests.s3_server import s3_server

Grounds = Callable[..., AbstractContextManager[Cluster]]


@dataclass(frozen=True)
class Case:
    """A recipe whose inputs lie on the machine of one driver."""

    machine: Path
    """Folder of that driver's machine."""
    recipe: Path
    options: list[str]
    """Of the command, with which the recipe's web is found."""
    disk: dict[str, bytes]
    """Files of the run on that machine's disk."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3_server() as address:
        yield address


def compared(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return what is the same on every ground: tables, shards and their checksums."""
    kept = (".parquet", ".tar", "checksums.sha256")
    return {name: data for name, data in files.items() if name.endswith(kept) and not name.startswith("inputs/")}


def of_address(address: str) -> dict[str, bytes]:
    store = open_store(address)
    return {name: store.read(name) for name in store.listing()}


@contextmanager
def demo(home: Path) -> Iterator[Case]:
    corpus = prepared_corpus(home / "driver" / "corpus", 17, 0)
    with serve(corpus.folder) as server:
        yield of_disk(home / "driver", corpus.recipe, connect_to(server.address))


@contextmanager
def real_input(home: Path) -> Iterator[Case]:
    if not (DATA / ARCHIVE).exists():
        pytest.skip("the real release files are not present beside the repository")
    whole = os.environ.get(BY_HAND) == "whole"
    cuts = {} if whole else {"eol_rows": 80, "frames_percent": 4}
    with (
        ready(home / "driver" / "corpus", DATA, **cuts) as real,
        pytest.MonkeyPatch.context() as patch,
    ):
        # Whose certificates are believed is said on every machine by itself, as credentials are.
        patch.setenv("SSL_CERT_FILE", str(shutil.copy(os.environ["SSL_CERT_FILE"], home / "authority.pem")))
        recipe = real.corpus / "recipe.toml"
        header, *tables = recipe.read_text("utf-8").split("[[sources]]")
        cut = [table for table in tables if not re.search(r'^name = "(gbif|fathomnet-test)"$', table, re.MULTILINE)]
        assert len(tables) - len(cut) == 2  # a smaller archive of GBIF's, and one of FathomNet's exports, stay
        if not whole:
            recipe.write_text("[[sources]]".join([header, *cut]), "utf-8")
        yield of_disk(home / "driver", recipe, real.recipe.fetch.connect_to)


def of_disk(machine: Path, recipe: Path, routes: tuple[str, ...]) -> Case:
    options = ["--set", f"fetch.connect_to={json.dumps(list(routes))}"]
    command("run", str(recipe), "-o", str(machine / "run"), *options, machine=machine)
    root = machine / "run"
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return Case(machine, recipe, options, compared(files))


BY_HAND = "BIOMILL_EVERY_GROUND"
"""Environment variable with which both cases run on both engines, twice as long; `whole`: over all real releases."""
PAIRED = {demo: portable, real_input: dask}


@pytest.fixture(scope="module", params=[demo, real_input])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    home = tmp_path_factory.mktemp("case")
    needs_namespaces(home / "tried")
    with request.param(home) as found:
        yield found


def released(address: str) -> None:
    """Take the lease of a killed driver away, sooner than the minute after which it is over."""
    leases = RemotePath.of(f"{address}/.lease")
    for name in leases.listing():
        (leases / name).unlink()


@pytest.mark.parametrize("grounds", [portable, dask])
def test_a_run_of_machines_that_share_a_bucket_alone_and_die(
    bucket: str, case: Case, tmp_path: Path, grounds: Grounds, request: pytest.FixtureRequest
) -> None:
    if PAIRED[request.node.callspec.params["case"]] is not grounds and not os.environ.get(BY_HAND):
        pytest.skip(f"the other pairs of case and engine run by hand, with {BY_HAND}=1")
    address = f"{bucket}/{grounds.__name__}-{case.recipe.parents[2].name}"
    words = ["run", "-o", address, *case.options]
    with grounds(tmp_path / "cluster", [case.machine]) as cluster:
        # A worker is killed in the middle of a stage, and then the driver, whether it waits, ended, or others work on.
        with running(*words, str(case.recipe), *cluster.options, machine=case.machine) as driver:
            driver.wait_for("fetch: started")
            cluster.lose_one()
            time.sleep(2)
        released(address)
        published = open_store(f"{address}/inputs").listing()
        # The same command goes on, and is killed in its turn.
        with running(*words, str(case.recipe), *cluster.options, machine=case.machine) as driver:
            driver.wait_for("likeness: started")
            time.sleep(1)
        released(address)
        assert open_store(f"{address}/inputs").listing() == published
        # A machine that has the recipe alone takes it to its end.
        recipe = tmp_path / "recipe.toml"
        shutil.copy(case.recipe, recipe)
        behind = lonely(tmp_path / "another", [case.machine])
        command(*words, str(recipe), *cluster.options, machine=tmp_path / "another", behind=behind)
    assert compared(of_address(address)) == case.disk
