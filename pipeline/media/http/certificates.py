"""Whose certificates are believed: the system's, and those of the variables that other tools read."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

from pipeline.model.errors import PipelineError

BUNDLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name a file, or a folder as OpenSSL hashes it, of certificates that are believed as well."""


def tls_context() -> ssl.SSLContext:
    """Return a context that verifies hosts; OpenSSL itself reads SSL_CERT_FILE and SSL_CERT_DIR.

    Raises PipelineError when a variable names no certificates.

    >>> tls_context().verify_mode.name
    'CERT_REQUIRED'
    """
    context = ssl.create_default_context()
    for name in BUNDLES:
        place = os.environ.get(name, "")
        if not place:
            continue
        try:
            if Path(place).is_dir():
                context.load_verify_locations(capath=place)
            else:
                context.load_verify_locations(cafile=place)
        except OSError as error:  # SSLError is one
            raise PipelineError(
                f"no certificates can be read: {error.strerror or error}",
                where=f"{name}={place}",
                expected="a file of certificates in PEM form, or a folder of them",
                remedy=f"correct or unset {name}",
            ) from error
    return context
