"""The functions' code as a zip that two machines make byte for byte alike.

It holds `core/` and `handlers/` and nothing else, because boto3 is in Lambda's runtime. It is stored, not
compressed: another zlib would make other bytes.
"""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKAGES = ("core", "handlers")
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that a zip can name
_REGULAR_FILE = 0o100644 << 16
_UNIX = 3


@dataclass(frozen=True, kw_only=True)
class Code:
    """A deployment package and its identity: base64 of its SHA-256, as Lambda's CodeSha256 is."""

    zip_bytes: bytes
    sha256: str


def build() -> Code:
    """The zip of the handlers that are installed here."""
    return zipped(_contents())


def zipped(contents: Mapping[str, bytes]) -> Code:
    """The zip of these files, by their paths in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, date_time=_MOMENT)
            entry.external_attr = _REGULAR_FILE
            entry.create_system = _UNIX
            archive.writestr(entry, content)
    zip_bytes = buffer.getvalue()
    digest = hashlib.sha256(zip_bytes).digest()
    return Code(zip_bytes=zip_bytes, sha256=base64.b64encode(digest).decode())


def _contents() -> dict[str, bytes]:
    """Path in the zip → bytes; line ends as in the repository, whatever the checkout made of them."""
    root = Path(__file__).parent
    files = [root / "__init__.py"]
    files += [file for package in _PACKAGES for file in (root / package).rglob("*.py")]
    paths = {file: file.relative_to(root) for file in files}
    return {
        f"cryptoctl/{path.as_posix()}": file.read_bytes().replace(b"\r\n", b"\n")
        for file, path in paths.items()
        # What editors and notebooks keep beside a module is none.
        if not any(part.startswith(".") for part in path.parts)
    }
