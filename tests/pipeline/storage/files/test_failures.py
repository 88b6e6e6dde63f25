"""Errors of real clients, as they raise them: which of a few kinds each is, and that none is overlooked."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.storage.files.failures import FailureKind, failure_kind, failures, reason

MISSING, REFUSED, SHORT, FAILED = FailureKind.MISSING, FailureKind.REFUSED, FailureKind.SHORT, FailureKind.FAILED


def client_error(code: str, status: int = 0) -> BaseException:
    exceptions = pytest.importorskip("botocore.exceptions")
    answer: dict[str, Any] = {"Error": {"Code": code, "Message": f"{code} it is"}}
    if status:
        answer["ResponseMetadata"] = {"HTTPStatusCode": status}
    error = exceptions.ClientError(answer, "GetObject")
    assert isinstance(error, BaseException)
    return error


def translated(code: str, status: int = 0) -> BaseException:
    error = pytest.importorskip("s3fs.errors").translate_boto_error(client_error(code, status))
    assert isinstance(error, OSError)
    return error


def aiohttp_error(status: int) -> BaseException:
    aiohttp = pytest.importorskip("aiohttp")
    from yarl import URL

    url = URL("http://127.0.0.1/a")
    info = aiohttp.RequestInfo(url, "GET", {}, url)
    error = aiohttp.ClientResponseError(info, (), status=status, message="so it is")
    assert isinstance(error, BaseException)
    return error


def azure_error(name: str, status: int = 0) -> BaseException:
    exceptions = pytest.importorskip("azure.core.exceptions")
    error = getattr(exceptions, name)("so it is")
    if status:
        error.status_code = status
    assert isinstance(error, BaseException)
    return error


def gcs_error(status: int) -> BaseException:
    """Return what gcsfs raises for an answer, made by its own check of answers."""
    retry = pytest.importorskip("gcsfs.retry")
    try:
        retry.validate_response(status, b'{"error": {"message": "so it is", "code": %d}}' % status, "bucket/a", None)
    except BaseException as error:  # noqa: BLE001
        return error
    raise AssertionError("no error")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: client_error("NoSuchKey", 404), MISSING),
        (lambda: client_error("NoSuchBucket"), MISSING),
        (lambda: client_error("404"), MISSING),  # a HEAD has no body that could name its code
        (lambda: client_error("AccessDenied", 403), REFUSED),
        (lambda: client_error("403"), REFUSED),
        (lambda: client_error("ExpiredToken", 400), REFUSED),
        (lambda: client_error("InvalidRange", 416), SHORT),
        (lambda: client_error("SlowDown", 503), FAILED),
        (lambda: client_error("InternalError", 500), FAILED),
        (lambda: translated("NoSuchKey", 404), MISSING),
        (lambda: translated("AccessDenied", 403), REFUSED),
        (lambda: translated("InvalidToken", 400), REFUSED),  # only the error behind it says so
        (lambda: translated("InvalidRange", 416), SHORT),
        (lambda: translated("SlowDown", 503), FAILED),
        (lambda: pytest.importorskip("botocore.exceptions").NoCredentialsError(), REFUSED),
        (lambda: pytest.importorskip("botocore.exceptions").EndpointConnectionError(endpoint_url="http://x"), FAILED),
        (lambda: aiohttp_error(404), MISSING),
        (lambda: aiohttp_error(403), REFUSED),
        (lambda: aiohttp_error(500), FAILED),
        (lambda: pytest.importorskip("aiohttp").ServerDisconnectedError(), FAILED),
        (lambda: azure_error("ResourceNotFoundError", 404), MISSING),
        (lambda: azure_error("HttpResponseError", 403), REFUSED),
        (lambda: azure_error("ClientAuthenticationError"), REFUSED),
        (lambda: azure_error("ServiceRequestError"), FAILED),
        (lambda: gcs_error(404), MISSING),
        (lambda: gcs_error(403), REFUSED),
        (lambda: gcs_error(401), REFUSED),
        (lambda: gcs_error(500), FAILED),
        (lambda: FileNotFoundError(errno.ENOENT, "No such file"), MISSING),
        (lambda: IsADirectoryError(errno.EISDIR, "Is a directory"), MISSING),
        (lambda: PermissionError(errno.EACCES, "Permission denied"), REFUSED),
        (lambda: OSError(errno.ENOSPC, "No space left on device"), FAILED),
        (lambda: TimeoutError(), FAILED),
        (lambda: ValueError("Cannot traverse all of S3"), FAILED),
    ],
)
def test_an_error_of_a_client_is_caught_and_has_its_kind(make: Callable[[], BaseException], kind: FailureKind) -> None:
    error = make()
    assert isinstance(error, failures())
    assert failure_kind(error) is kind
    assert reason(error).strip() and "\n" not in reason(error)


@pytest.mark.parametrize("error", [KeyError("a"), TypeError("b"), AttributeError("c"), KeyboardInterrupt()])
def test_a_fault_of_the_program_is_no_failure_of_a_store(error: BaseException) -> None:
    assert not isinstance(error, failures())


def test_the_reason_of_an_error_without_words_is_its_name() -> None:
    assert reason(TimeoutError()) == "TimeoutError"
    assert reason(OSError("first\nsecond")) == "first"
