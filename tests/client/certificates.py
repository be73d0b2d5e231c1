"""Certificates for a test, signed by themselves: each is its own authority."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

HERE = "DNS:localhost,IP:127.0.0.1"
_CONFIGURATION = """
[ca]
default_ca = only
[only]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = extensions
[any]
commonName = supplied
[extensions]
subjectAltName = {names}
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A key and its certificate, both PEM."""

    key: bytes
    pem: bytes

    def for_server(self) -> grpc.ServerCredentials:
        """What a server shows."""
        return grpc.ssl_server_credentials([(self.key, self.pem)])


def certificate(folder: Path, names: str = HERE, until: str = "20991231000000Z") -> Certificate:
    """Makes one for these names, valid from 2020; skips the test where `openssl` is missing."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command, to make a certificate")
    (folder / "openssl.cnf").write_text(_CONFIGURATION.format(names=names))
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    request = ["req", "-new", *key, "-keyout", "key", "-out", "request", "-subj", "/CN=omote test"]
    signed = ["-selfsign", "-keyfile", "key", "-in", "request", "-out", "pem", "-notext"]
    dates = ["-startdate", "20200101000000Z", "-enddate", until]
    for arguments in (request, ["ca", "-batch", "-config", "openssl.cnf", *signed, *dates]):
        subprocess.run([openssl, *arguments], cwd=folder, check=True, capture_output=True)
    return Certificate((folder / "key").read_bytes(), (folder / "pem").read_bytes())
