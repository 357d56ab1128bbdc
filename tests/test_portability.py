"""What runs where an operating system lacks what the embedded engine needs, as Windows does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

WITHOUT_POSIX = """
import sys
for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios"):
    sys.modules[name] = None
"""
COMMAND_LINE = """
from cryptoctl.__main__ import main
main()
"""
# The parts of the engine that commands load whether or not they work on it.
EVERY_MODULE = """
import importlib, pkgutil, cryptoctl
for found in pkgutil.walk_packages(cryptoctl.__path__, "cryptoctl."):
    if not found.name.startswith("cryptoctl.local.") and not found.name.endswith("__main__"):
        importlib.import_module(found.name)
import cryptoctl.local.engine
"""


def python(code: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs code in a process that finds no module that only POSIX systems have."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX + code, *words],
        env={"PATH": os.environ["PATH"], "CRYPTOCTL_STATE_DIR": str(home), "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_loads_without_what_only_posix_systems_have(tmp_path: Path) -> None:
    result = python(EVERY_MODULE, home=tmp_path)
    assert result.returncode == 0, result.stderr


def test_the_embedded_engine_says_where_it_runs_and_what_to_do(tmp_path: Path) -> None:
    result = python(COMMAND_LINE, "local", "start", home=tmp_path)
    assert result.returncode == 5, result.stderr
    assert "error: The embedded engine needs Linux or macOS." in result.stderr
    assert "WSL" in result.stderr
    assert "Traceback" not in result.stderr
