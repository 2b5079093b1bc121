"""The certificate that servers show over TLS, with its key: ECDSA on P-256, made by openssl(1) for one run."""
import subprocess

from . import servers
from .failed import Failed


def made(options):
    """The file that has both, in the run's own folder."""
    file = options.scratch / "certificate.pem"
    if not file.exists():
        key = options.scratch / "key.pem"
        words = [servers.require("openssl", "openssl"), "req", "-x509", "-nodes", "-days", "2"]
        words += ["-subj", "/CN=localhost", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        words += ["-keyout", str(key), "-out", str(file)]
        done = subprocess.run(words, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"openssl: {done.stderr.strip().splitlines()[-1]}")
        file.write_text(file.read_text() + key.read_text())
        file.chmod(0o600)
    return file
