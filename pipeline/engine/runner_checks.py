"""What a runner needs beside Beam, looked for before anything is begun: what is missing is one sentence in seconds.

Beam finds most of it out when the first job is submitted: after minutes of waiting, or in a hundred lines of traceback.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from pipeline.engine.described import value_of
from pipeline.engine.options import LOCAL, PORTABLE, EngineOptions
from pipeline.engine.reach import reachable
from pipeline.model.errors import MissingExtraError, RunError, UsageError


def runner_kind(name: str) -> str:
    """Return what a runner is called in one word.

    >>> runner_kind("FlinkRunner"), runner_kind("apache_beam.runners.dask.dask_runner.DaskRunner")
    ('flink', 'dask')
    """
    return name.rpartition(".")[2].lower().removesuffix("runner")


def check_runner(options: EngineOptions) -> None:
    """Raise UsageError, MissingExtraError or RunError for what a runner needs and has not; takes seconds at most.

    >>> check_runner(EngineOptions())
    """
    endpoint = options.job_endpoint or value_of(options.beam_options, "job_endpoint")
    if endpoint and options.runner != LOCAL:
        _check_endpoint(endpoint)
    elif options.runner != PORTABLE:
        _CHECKS.get(runner_kind(options.runner), _no_check)(options)


def _no_check(options: EngineOptions) -> None:
    pass


def _check_endpoint(endpoint: str) -> None:
    if not reachable(endpoint):
        raise RunError(
            f"no job service listens at {endpoint}",
            where=f"--job-endpoint {endpoint}",
            expected="a job service of Beam at HOST:PORT that this machine can reach",
            remedy="start the job service, or correct --job-endpoint; without it --runner portable starts its own",
        )


def _check_dataflow(options: EngineOptions) -> None:
    given = options.beam_options
    lacking = [f"--{name}" for name in ("project", "region", "temp_location") if not value_of(given, name)]
    if lacking:
        raise UsageError(
            f"Dataflow needs {', '.join(lacking)}",
            where=f"--runner {options.runner}",
            expected="--beam-option=--project=P --beam-option=--region=R --beam-option=--temp_location=gs://BUCKET/tmp",
            remedy="add what is missing, each behind a --beam-option of its own",
        )
    temporary = value_of(given, "temp_location")
    if not temporary.startswith("gs://"):
        raise UsageError(
            "Dataflow stages files in Cloud Storage",
            where=f"--temp_location={temporary}",
            expected="an address such as gs://BUCKET/tmp",
            remedy="name a bucket in the job's region",
        )
    _need("google.cloud.dataflow", "Dataflow", "gcp")
    _need("google.auth", "Dataflow", "gcp")
    check_google_credentials()


def check_google_credentials() -> None:
    """Raise RunError when this machine has no credentials for Google's services; google-auth must be installed."""
    google, exceptions = map(importlib.import_module, ("google.auth", "google.auth.exceptions"))
    try:
        google.default()
    except exceptions.DefaultCredentialsError as error:
        raise no_credentials(str(error).splitlines()[0]) from error


def no_credentials(said: str) -> RunError:
    """Return the error of a machine without credentials for Google's services; `said`: by Google's library."""
    return RunError(
        "there are no credentials for Google Cloud on this machine",
        where=said[:200],
        expected="credentials of a person or a service account that may start Dataflow jobs and write the bucket",
        remedy="`gcloud auth application-default login`, or GOOGLE_APPLICATION_CREDENTIALS=KEY.json of an account",
    )


def _check_dask(options: EngineOptions) -> None:
    _need("distributed", "the Dask runner", "dask")
    file = value_of(options.beam_options, "dask_scheduler_file")
    if file and not Path(file).exists():
        raise UsageError(
            "the scheduler file does not exist",
            f"--dask_scheduler_file={file}",
            "a file that `dask scheduler` wrote",
            "correct it",
        )
    address = value_of(options.beam_options, "dask_client_address")
    if address and not reachable(address):
        raise RunError(
            f"no Dask scheduler listens at {address}",
            where=f"--dask_client_address={address}",
            expected="the address of a scheduler that this machine can reach, such as tcp://HOST:8786",
            remedy="start it (`dask scheduler`), or correct the address; without one, workers start on this machine",
        )


def _check_job_server(options: EngineOptions) -> None:
    kind = runner_kind(options.runner)
    java = value_of(options.beam_options, "job_server_java_launcher") or "java"
    alone = any(option.startswith("--flink_submit_uber_jar") for option in options.beam_options)  # the cluster serves
    if not alone and shutil.which(java) is None:
        raise RunError(
            f"the {kind.title()} runner needs Java, and there is no {java!r} here",
            where=f"PATH={os.environ.get('PATH', '')}"[:300],
            expected="Java 11 or newer, which runs Beam's job server on this machine",
            remedy="install Java, or name a job service that runs already: --runner portable --job-endpoint HOST:PORT",
        )
    jar = value_of(options.beam_options, f"{kind}_job_server_jar")
    if jar and "://" not in jar and not Path(jar).exists():
        raise UsageError(
            "the jar of the job server does not exist",
            where=f"--{kind}_job_server_jar={jar}",
            expected="a file of this machine, or a URL",
            remedy="correct the path",
        )
    master = value_of(options.beam_options, "flink_master")
    if master and master not in ("[auto]", "[local]") and not reachable(master):
        raise RunError(
            f"no Flink cluster listens at {master}",
            where=f"--flink_master={master}",
            expected="HOST:PORT of a cluster's REST service that this machine can reach",
            remedy="start the cluster, or correct the address; without one, Flink runs on this machine",
        )


def _check_prism(options: EngineOptions) -> None:
    place = value_of(options.beam_options, "prism_location")
    if place and "://" not in place and not Path(place).exists():
        raise UsageError(
            "there is no Prism at the place that is named",
            where=f"--prism_location={place}",
            expected="the program, or the zip that it is published in; a file of this machine, or a URL",
            remedy="correct the path",
        )


def _need(module: str, what: str, extra: str) -> None:
    try:
        there = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # its parent is not there
        there = False
    if not there:
        raise MissingExtraError(
            f"{what} needs the extra {extra!r} of Beam, which is not installed",
            where=f"no module named {module!r}",
            remedy=f"pip install 'apache-beam[{extra}]'",
        )


_CHECKS: dict[str, Callable[[EngineOptions], None]] = {
    "dataflow": _check_dataflow,
    "dask": _check_dask,
    "flink": _check_job_server,
    "spark": _check_job_server,
    "prism": _check_prism,
}
