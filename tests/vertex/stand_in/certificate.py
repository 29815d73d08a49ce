"""A certificate for this machine, made once for a process.

gRPC reads the root certificates of a process once, before its first channel: every stand-in of a
process must have the same one.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import shutil
import tempfile
from atexit import register
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@cache
def local_certificate() -> tuple[Path, bytes]:
    """The file of the certificate, and its private key in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    here = ipaddress.ip_address("127.0.0.1")
    start = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(here)]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    folder = Path(tempfile.mkdtemp(prefix="stand-in-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "localhost.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
