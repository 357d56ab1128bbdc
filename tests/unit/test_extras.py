"""What messages say to type where a package is missing, whatever the interpreter's path and the index."""

from __future__ import annotations

import shlex
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from cryptoctl.dashboard import library
from cryptoctl.errors import Failure
from cryptoctl.extras import install_extra
from cryptoctl.files import compression

pytestmark = pytest.mark.pure
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
INTERPRETER = "/home/me/my projects/.venv/bin/python"


@pytest.fixture(autouse=True)
def _interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", INTERPRETER)


@pytest.mark.parametrize("extra", ["local", "files", "feed", "dashboard"])
def test_the_packages_of_an_extra_are_named_themselves(extra: str) -> None:
    required = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"][extra]
    interpreter, *words = shlex.split(install_extra(extra))
    assert interpreter == INTERPRETER
    assert words[:3] == ["-m", "pip", "install"]
    assert sorted(words[3:]) == sorted(required)


def test_where_cryptoctl_is_not_installed_its_source_tree_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_installed(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", not_installed)
    words = shlex.split(install_extra("local"))
    assert words == [INTERPRETER, "-m", "pip", "install", f"{PYPROJECT.parent}[local]"]


def test_a_message_says_what_a_shell_can_read() -> None:
    with pytest.raises(Failure) as raised:
        library.verify_release(b"", "a file")
    for failure in (
        compression.missing_package("pyarrow", "Parquet"),
        library.missing_package("h11"),
        raised.value,
    ):
        command = failure.hint.removeprefix("Run `").removesuffix("`.")
        assert shlex.split(command)[:4] == [INTERPRETER, "-m", "pip", "install"]
