"""What Beam's result of a submitted pipeline says of its job: number, page, state; each runner has other words."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.engine.options import EngineOptions
from pipeline.engine.remote_job import RemoteJob


def value_of(options: Sequence[str], name: str) -> str:
    """Return the value of an option that is passed to Beam, the last where it is given twice; '' without any.

    >>> value_of(["--project=a", "--region", "eu", "--project=b"], "project")
    'b'
    >>> value_of(["--project=a", "--region", "eu"], "region")
    'eu'
    """
    found = ""
    words = [word for option in options for word in shlex.split(option)] if options else []
    for place, word in enumerate(words):
        key, has, value = word.partition("=")
        if key == f"--{name}":
            found = value if has else (words[place + 1] if place + 1 < len(words) else "")
    return found


def submitted(stage: str, options: EngineOptions) -> RemoteJob:
    """Return what is known of a job before its service took it."""
    service = options.job_endpoint or value_of(options.beam_options, "job_endpoint")
    service = service or value_of(options.beam_options, "dask_client_address")
    service = service or value_of(options.beam_options, "flink_master")
    return RemoteJob(stage, options.runner, service)


def described(job: RemoteJob, result: Any, options: EngineOptions) -> RemoteJob:
    """Return the job with all that a result of Beam says of it.

    >>> class Result:
    ...     def job_id(self):
    ...         return "2026-11-29_1"
    >>> options = EngineOptions("DataflowRunner", beam_options=("--project=p", "--region=r"))
    >>> described(RemoteJob("ingest", "DataflowRunner"), Result(), options).url
    'https://console.cloud.google.com/dataflow/jobs/r/2026-11-29_1?project=p'
    """
    if client := getattr(result, "client", None):  # Dask
        url = str(getattr(client, "dashboard_link", "") or "")
        by_hand = "its scheduler drops the tasks of a driver that is gone; `Client(ADDRESS).restart()` ends all of them"
        return replace(job, id=str(getattr(client, "id", "")), url=url, by_hand=by_hand)
    number = _number(result)
    if "dataflow" in options.runner.lower():
        project, region = value_of(options.beam_options, "project"), value_of(options.beam_options, "region")
        url = f"https://console.cloud.google.com/dataflow/jobs/{region}/{number}?project={project}"
        command = f"gcloud dataflow jobs cancel {number} --region={region} --project={project}"
        return replace(job, id=number, url=url, by_hand=f"`{command}`")
    master = value_of(options.beam_options, "flink_master")
    if "flink" in options.runner.lower() and master not in ("", "[auto]", "[local]"):
        url = master if "://" in master else f"http://{master}"
        return replace(job, id=number, url=url, by_hand=f"cancel it on its page {url}, or by `flink cancel`")
    by_hand = "run the same command again, which asks its service first to cancel it"
    return replace(job, id=number, by_hand=by_hand if job.service else "")


def state_of(result: Any) -> str:
    """Return the state of a job, asked of its service where it has one.

    Not through the property of the portable runner's result: it sets the state that another thread decides by.
    """
    service = getattr(result, "_job_service", None)
    if service is None:
        return str(result.state)
    return state_at(service, str(result._job_id))


def state_at(service: Any, number: str) -> str:
    """Return the state of a job at a job service that speaks Beam's protocol; raises grpc.RpcError."""
    from apache_beam.portability.api import beam_job_api_pb2 as api

    answer = service.GetState(api.GetJobStateRequest(job_id=number))
    return str(api.JobState.Enum.Name(answer.state))


def _number(result: Any) -> str:
    number = getattr(result, "job_id", None) or getattr(result, "_job_id", "")
    return str(number() if callable(number) else number)
