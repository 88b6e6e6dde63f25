"""A certificate authority of this machine alone, and one certificate for all hosts of a corpus."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_AUTHORITY = """
[req]
distinguished_name = name
x509_extensions = authority
prompt = no
[name]
CN = Real input tests
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""
_SERVER = """
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""
_DAYS = "2"


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM form: `authority` is what a client is told to trust (SSL_CERT_FILE)."""

    authority: Path
    chain: Path
    key: Path


def certify(folder: Path, hosts: Sequence[str]) -> Certificate:
    """Make an authority and a certificate for the hosts with the `openssl` command."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "authority.cnf").write_text(_AUTHORITY, encoding="ascii")
    names = ", ".join(f"DNS:{host}" for host in hosts)
    (folder / "server.cnf").write_text(_SERVER.format(names=names), encoding="ascii")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        folder, "req", "-x509", *curve, "-days", _DAYS, "-config", "authority.cnf",
        "-keyout", "authority.key", "-out", "authority.pem",
    )  # fmt: skip
    _openssl(
        folder, "req", "-new", *curve, "-subj", "/CN=media", "-config", "authority.cnf",
        "-keyout", "server.key", "-out", "server.csr",
    )  # fmt: skip
    _openssl(
        folder, "x509", "-req", "-in", "server.csr", "-CA", "authority.pem", "-CAkey", "authority.key",
        "-set_serial", "1", "-days", _DAYS, "-extfile", "server.cnf", "-extensions", "server", "-out", "server.pem",
    )  # fmt: skip
    return Certificate(folder / "authority.pem", folder / "server.pem", folder / "server.key")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
