"""What clients of file systems and object stores raise, and which of a few kinds of failure it means.

fsspec raises FileNotFoundError and PermissionError for most of what a store answers, but its clients let errors of
their own through: a botocore ClientError from a listing, an aiohttp error from the middle of a body, missing
credentials.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from typing import Any

# They are raised beside OSError, and can only have been raised when their module is loaded.
_CLIENTS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("google.api_core.exceptions", "GoogleAPIError"),
    ("azure.core.exceptions", "AzureError"),
    ("urllib3.exceptions", "HTTPError"),
    ("httpx", "HTTPError"),
    ("paramiko.ssh_exception", "SSHException"),
    ("ftplib", "Error"),
)
_DEPTH = 5  # errors behind an error that are looked at


class FailureKind(Enum):
    """What a failed read or write means for whoever asked."""

    MISSING = "missing"
    """There is no such file, folder or bucket; asking again does not help."""
    REFUSED = "refused"
    """It may be there, but not for us: no credentials, wrong ones, or not the right to it."""
    EXISTS = "exists"
    """It was to be written only if it was not there, and it is."""
    SHORT = "short"
    """The file ends before the bytes that were asked for."""
    TOO_LARGE = "too_large"
    """The file has more bytes than were allowed."""
    FAILED = "failed"
    """Anything else: the connection, the store itself, a full disk. Asking again may help."""


_STATUS = {
    404: FailureKind.MISSING,
    410: FailureKind.MISSING,
    401: FailureKind.REFUSED,
    403: FailureKind.REFUSED,
    407: FailureKind.REFUSED,
    451: FailureKind.REFUSED,
    412: FailureKind.EXISTS,
    416: FailureKind.SHORT,
}
# Stores answer some refusals with the status 400, and a client that read no status still has the name.
_CODES = {
    "NoSuchKey": FailureKind.MISSING,
    "NoSuchBucket": FailureKind.MISSING,
    "NoSuchVersion": FailureKind.MISSING,
    "NotFound": FailureKind.MISSING,
    "AccessDenied": FailureKind.REFUSED,
    "AllAccessDisabled": FailureKind.REFUSED,
    "ExpiredToken": FailureKind.REFUSED,
    "InvalidAccessKeyId": FailureKind.REFUSED,
    "InvalidToken": FailureKind.REFUSED,
    "RequestTimeTooSkewed": FailureKind.REFUSED,
    "SignatureDoesNotMatch": FailureKind.REFUSED,
    "TokenRefreshRequired": FailureKind.REFUSED,
    "PreconditionFailed": FailureKind.EXISTS,
    "ConditionalRequestConflict": FailureKind.EXISTS,
    "InvalidRange": FailureKind.SHORT,
}
_NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "CredentialRetrievalError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
    "DefaultCredentialsError",
    "RefreshError",
    "ClientAuthenticationError",
}


def failures() -> tuple[type[BaseException], ...]:
    """Return the exceptions by which file systems say that they failed, for an `except` around nothing but their calls.

    ValueError is what fsspec raises for a path that cannot be one of the store (no bucket, a character that it cannot
    encode), NotImplementedError for what a file system cannot do, such as writing to a web site.
    """
    found: list[type[BaseException]] = [OSError, ValueError, NotImplementedError]
    for module, name in _CLIENTS:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            found.append(kind)
    return tuple(found)


def reason(error: BaseException) -> str:
    """Return an error's reason in one line.

    >>> reason(FileNotFoundError(2, "No such file or directory", "a")), reason(OSError())
    ('No such file or directory', 'OSError')
    """
    return (getattr(error, "strerror", None) or str(error).strip() or type(error).__name__).splitlines()[0]


def failure_kind(error: BaseException) -> FailureKind:
    """Return what an exception of any client means; where it says nothing itself, the one that it was raised from does.

    >>> failure_kind(FileNotFoundError()), failure_kind(OSError("Forbidden: bucket/a"))
    (<FailureKind.MISSING: 'missing'>, <FailureKind.REFUSED: 'refused'>)
    """
    return next((kind for each in _chain(error) if (kind := _kind(each)) is not None), FailureKind.FAILED)


def failure_code(error: BaseException) -> str:
    """Return the name that the store gave to a failure, such as 'ExpiredToken'; '' where it gave none.

    >>> failure_code(OSError("no code"))
    ''
    """
    for each in _chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_DEPTH):
        if error is None:
            return
        yield error
        error = error.__cause__


def _kind(error: BaseException) -> FailureKind | None:
    """Return the kind of one exception, as far as its class, its code or its status tells."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError, IsADirectoryError)):
        return FailureKind.MISSING
    if isinstance(error, FileExistsError):
        return FailureKind.EXISTS
    # gcsfs has no class for a status of 403: it raises a bare OSError of this text.
    if isinstance(error, PermissionError) or (type(error) is OSError and str(error).startswith("Forbidden")):
        return FailureKind.REFUSED
    if any(kind.__name__ in _NO_CREDENTIALS for kind in type(error).__mro__):
        return FailureKind.REFUSED
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        name = str(response.get("Error", {}).get("Code", ""))
        return _CODES.get(name) or _STATUS.get(
            response.get("ResponseMetadata", {}).get("HTTPStatusCode") or (int(name) if name.isdecimal() else 0)
        )
    return _STATUS.get(_status(error, response))


def _status(error: BaseException, response: Any) -> int:
    """Return the HTTP status that an error carries, under the name that its library gives it; 0 where there is none."""
    places = ((error, "status_code"), (error, "status"), (error, "code"), (response, "status_code"))
    values = (getattr(place, name, None) for place, name in places)
    return next((int(value) for value in values if isinstance(value, int) and not isinstance(value, bool)), 0)
