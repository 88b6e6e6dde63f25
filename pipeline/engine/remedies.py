"""Failures of runners that people can mend, recognised by what Beam says of them, and told in one sentence."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Match

from manifests.errors import BiomillError
from pipeline.engine.runner_checks import no_credentials
from pipeline.model.errors import RunError

_SAME = "the same versions of Python, Beam and Biomill where workers run as on this machine"


def remedied(text: str) -> BiomillError | None:
    """Return the error that tells a failure of a runner; None for one that is not known.

    `text`: all that Beam said.

    >>> print(remedied("RuntimeError: Unable to fetch remote prism binary at https://x/p.zip: <urlopen error>").what)
    Prism cannot be downloaded
    """
    for pattern, error in _KNOWN:
        if found := pattern.search(text):
            return error(found)
    return None


def _jar(found: Match[str]) -> BiomillError:
    kind = "spark" if "spark" in found[1] else "flink"
    return RunError(
        f"the job server of {kind.title()} cannot be downloaded",
        where=found[1],
        expected="a network, or the jar on this machine",
        remedy=f"download it elsewhere, and name it: --beam-option=--{kind}_job_server_jar=PATH",
    )


def _prism(found: Match[str]) -> BiomillError:
    return RunError(
        "Prism cannot be downloaded",
        where=found[1],
        expected="a network, or the program on this machine",
        remedy="download it elsewhere, and name it: --beam-option=--prism_location=PATH",
    )


def _versions(found: Match[str]) -> BiomillError:
    return RunError(
        "workers have another version of Beam or Python than this machine",
        where=f"here {_image(found[1])}, there {_image(found[2])}",
        expected=_SAME,
        remedy="start workers of the same versions, or name an image that has them: --beam-option=--sdk_container_image"
        "=IMAGE",
    )


def _image(capability: str) -> str:
    return capability.removeprefix("beam:version:sdk_base:").rstrip(".")


def _module(found: Match[str]) -> BiomillError:
    return RunError(
        f"workers do not have Biomill: no module named {found[1]!r} there",
        expected=_SAME,
        remedy="install Biomill where workers run: in their environment, or in the image that --sdk_container_image "
        "names",
    )


def _container(found: Match[str]) -> BiomillError:
    return RunError(
        "workers cannot be started: the job service has no Docker",
        where=found[0][:200],
        expected="a pool of workers at HOST:PORT, or Docker where the job service runs",
        remedy="--beam-option=--environment_type=EXTERNAL --beam-option=--environment_config=HOST:PORT",
    )


def _credentials(found: Match[str]) -> BiomillError:
    return no_credentials(found[0])


def _unanswered(found: Match[str]) -> BiomillError:
    return RunError(
        "the job service, or what it needs, does not answer any more",
        where=found[0][:200],
        remedy="look whether it still runs, then run the same command again: finished work units are kept",
    )


_KNOWN: tuple[tuple[re.Pattern[str], Callable[[Match[str]], BiomillError]], ...] = (
    (re.compile(r"Unable to fetch remote job server jar at (\S+?):? <?"), _jar),
    (re.compile(r"Unable to fetch remote prism binary at (\S+?):? <?"), _prism),
    (
        re.compile(r"not compatible\..*?Submission environment: (\S+?)\.?\s.*?Runtime environment: (\S+)", re.DOTALL),
        _versions,
    ),
    (re.compile(r"No module named '((?:biomill|manifests|taxonomy|dedup|pipeline)(?:\.\w+)*)'"), _module),
    (re.compile(r"No such file or directory: 'docker'|docker: (?:command )?not found|Cannot connect to the Docker.*"),
     _container),
    (re.compile(r"[^\n]*default credentials were not found[^\n]*|[^\n]*DefaultCredentialsError[^\n]*"), _credentials),
    (re.compile(r"failed to connect to all addresses[^\n]*|StatusCode\.UNAVAILABLE[^\n]*"), _unanswered),
)  # fmt: skip
