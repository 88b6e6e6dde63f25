"""What a runner lacks is one error with its remedy: before anything is begun, or in place of Beam's traceback."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.engine.engine import Engine
from pipeline.engine.options import PORTABLE, EngineOptions
from pipeline.engine.reach import reachable
from pipeline.engine.remedies import remedied
from pipeline.engine.runner_checks import check_google_credentials, check_runner
from pipeline.model.errors import MissingExtraError, PipelineError, RunError, UsageError
from tests.job_service import free_port, job_services

DASK = "apache_beam.runners.dask.dask_runner.DaskRunner"
WHOLE = ("--project=p", "--region=r", "--temp_location=gs://b/tmp")


def refused(runner: str, *options: str, endpoint: str = "") -> PipelineError:
    """Return what the engine says before it begins; in seconds."""
    began = time.monotonic()
    with Engine(EngineOptions(runner, 1, endpoint, options)) as engine, pytest.raises(PipelineError) as caught:
        engine.check()
    assert time.monotonic() - began < 30
    assert caught.value.remedy and "Traceback" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("given", "lacking"),
    [((), "--project, --region, --temp_location"), (WHOLE[:2], "--temp_location"), (WHOLE[1:], "--project")],
)
def test_what_dataflow_has_to_be_told_is_named(given: tuple[str, ...], lacking: str) -> None:
    error = refused("DataflowRunner", *given)
    assert type(error) is UsageError and error.what == f"Dataflow needs {lacking}"
    assert error.expected.count("--beam-option") == 3


def test_dataflow_stages_in_a_bucket() -> None:
    assert "gs://BUCKET" in refused("DataflowRunner", *WHOLE[:2], "--temp_location=/tmp").expected


@pytest.mark.skipif(importlib.util.find_spec("google.auth") is not None, reason="the extra gcp is installed")
def test_the_extra_of_dataflow_is_named() -> None:
    error = refused("DataflowRunner", *WHOLE)
    assert type(error) is MissingExtraError and error.remedy == "pip install 'apache-beam[gcp]'"


def test_missing_credentials_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("google.auth", reason="google-auth is not installed")
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(RunError, match="no credentials for Google Cloud") as caught:
        check_google_credentials()
    assert "gcloud auth application-default login" in caught.value.remedy


def test_the_extra_of_dask_is_named_where_it_is_missing(tmp_path: Path) -> None:
    """In a process that cannot import it."""
    code = f"""
import sys
sys.modules["distributed"] = None
from pipeline.engine.options import EngineOptions
from pipeline.engine.runner_checks import check_runner
try:
    check_runner(EngineOptions({DASK!r}))
except Exception as error:
    print(type(error).__name__, error.remedy)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "MissingExtraError pip install 'apache-beam[dask]'", done.stderr


def test_where_nobody_listens_is_told_in_seconds() -> None:
    port = free_port()
    error = refused(PORTABLE, endpoint=f"localhost:{port}")
    assert type(error) is RunError and error.what == f"no job service listens at localhost:{port}"
    pytest.importorskip("distributed", reason="distributed is not installed")
    error = refused(DASK, f"--dask_client_address=tcp://localhost:{port}")
    assert error.what == f"no Dask scheduler listens at tcp://localhost:{port}"
    assert "scheduler file" in refused(DASK, "--dask_scheduler_file=/no/such/file").what
    java = f"--job_server_java_launcher={sys.executable}"
    error = refused("FlinkRunner", java, f"--flink_master=localhost:{port}")
    assert error.what == f"no Flink cluster listens at localhost:{port}"


def test_somebody_who_listens_is_reached() -> None:
    import socket

    with socket.create_server(("localhost", 0)) as server:
        assert reachable(f"tcp://localhost:{server.getsockname()[1]}", attempts=1)
    assert reachable("a-name-without-a-port")


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner"])
def test_java_and_a_jar_that_are_not_there_are_told(runner: str) -> None:
    assert "needs Java, and there is no 'no-java'" in refused(runner, "--job_server_java_launcher=no-java").what
    kind = runner.removesuffix("Runner").lower()
    java = f"--job_server_java_launcher={sys.executable}"
    assert refused(runner, java, f"--{kind}_job_server_jar=/no.jar").where == f"--{kind}_job_server_jar=/no.jar"


def test_prism_that_is_not_where_it_should_be_is_told() -> None:
    assert refused("PrismRunner", "--prism_location=/no/prism").where == "--prism_location=/no/prism"


def failed(options: EngineOptions, folder: Path) -> PipelineError:
    """Return what a pipeline fails of."""
    with Engine(options, print) as engine, pytest.raises(PipelineError) as caught:
        engine.run_units("touch", [folder / "a"], Path.touch, folder)
    assert "Traceback" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("runner", "what", "option"),
    [
        ("FlinkRunner", "the job server of Flink cannot be downloaded", "--flink_job_server_jar=PATH"),
        ("SparkRunner", "the job server of Spark cannot be downloaded", "--spark_job_server_jar=PATH"),
        ("PrismRunner", "Prism cannot be downloaded", "--prism_location=PATH"),
    ],
)
def test_what_cannot_be_downloaded_can_be_named(
    runner: str, what: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # in which there is no cache of Beam
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://localhost:{free_port()}")  # nobody, on any machine
    options = EngineOptions(runner, beam_options=(f"--job_server_java_launcher={sys.executable}",))
    error = failed(options, tmp_path)
    assert type(error) is RunError and error.what == what and option in error.remedy


OTHER_VERSION = """
import apache_beam.transforms.environments as environments
environments.sdk_base_version_capability = lambda: "beam:version:sdk_base:apache/beam_python3.9_sdk:2.50.0"
"""
WITHOUT_BIOMILL = """
import sys
class None_:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("biomill", "manifests", "taxonomy", "dedup", "pipeline"):
            raise ModuleNotFoundError(f"No module named {name!r}")
sys.meta_path.insert(0, None_())
"""


@pytest.mark.parametrize(
    ("startup", "what"),
    [
        (OTHER_VERSION, "workers have another version of Beam or Python than this machine"),
        (WITHOUT_BIOMILL, "workers do not have Biomill: no module named 'pipeline"),
    ],
    ids=["other version", "without Biomill"],
)
def test_workers_of_another_image_are_told(startup: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "startup").mkdir()
    (tmp_path / "startup" / "sitecustomize.py").write_text(startup)
    with job_services({"PYTHONPATH": str(tmp_path / "startup")}) as services:
        error = failed(services.options, tmp_path)
    assert type(error) is RunError and error.what.startswith(what), error
    if startup is OTHER_VERSION:
        assert "beam_python3.9_sdk:2.50.0" in error.where


def test_what_nobody_knows_stays_what_it_is() -> None:
    assert remedied("KeyError: 'a'") is None and remedied("No module named 'pandas'") is None
    check_runner(EngineOptions("DirectRunner"))
