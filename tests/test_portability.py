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
from cryptoctl.__main__ import main
main()
"""


def cryptoctl(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process that finds no module that only POSIX systems have."""
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_POSIX, *words],
        env={"PATH": os.environ["PATH"], "CRYPTOCTL_STATE_DIR": str(home), "HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_line_loads_without_what_only_posix_systems_have(tmp_path: Path) -> None:
    ended = cryptoctl("--help", home=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "send-price" in ended.stdout


def test_the_embedded_engine_says_where_it_runs_and_what_to_do(tmp_path: Path) -> None:
    ended = cryptoctl("local", "start", home=tmp_path)
    assert ended.returncode == 5, ended.stderr
    assert "error: The embedded engine needs Linux or macOS." in ended.stderr
    assert "WSL" in ended.stderr
    assert "Traceback" not in ended.stderr
