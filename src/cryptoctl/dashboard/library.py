"""The library that draws the candles, from the package of the extra `dashboard` that brings it.

Nothing of that package is imported: only its one file is read, and only as its makers released it.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.extras import install_command, install_extra

PACKAGE, VERSION = "litecharts", "0.2.0"
FILE = "litecharts/js/lightweight-charts.js"
RELEASE = "TradingView Lightweight Charts 5.1.0"
# Of dist/lightweight-charts.standalone.production.js in that release.
SHA256 = "756b0ba9f58930226d6b8b9d47ad310448ab85d799ea1f7c2c02304777c10b52"


def library() -> str:
    """The library's text. Raises Failure where it is not installed, or is not what was released."""
    try:
        file = Path(str(distribution(PACKAGE).locate_file(FILE)))
        return verify_release(file.read_bytes(), str(file))
    except (PackageNotFoundError, FileNotFoundError):
        raise missing_package(PACKAGE) from None


def verify_release(content: bytes, name: str) -> str:
    """The text of a file. Raises Failure (REFUSED) where it is not the file that was released."""
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise Failure(
            ExitCode.REFUSED,
            f"{name} is not {RELEASE}, byte for byte.",
            f"Run `{install_command('--force-reinstall', '--no-deps', f'{PACKAGE}=={VERSION}')}`.",
        )
    return content.decode()


def missing_package(package: str) -> Failure:
    """A package of the extra `dashboard` that is not installed."""
    return InputError(
        f"The dashboard needs the package {package}, which is not installed.",
        f"Run `{install_extra('dashboard')}`.",
    )
