"""Certificates of this machine, for what speaks TLS."""

import subprocess
from pathlib import Path

from made_orthanc import needed


def certificate(folder: Path) -> tuple[str, str]:
    """Make a certificate for this machine."""
    names = str(folder / "cert.pem"), str(folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    words = ["-subj", "/CN=localhost", "-out", names[0], "-keyout", names[1]]
    subprocess.run([needed("openssl"), *command[1:], *words], check=True, capture_output=True)
    return names
