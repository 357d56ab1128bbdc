"""Running the commands as a person does, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cryptoctl.cli.app import app
from cryptoctl.local.engine import Engine


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The answer of a command that was asked for JSON."""
        return json.loads(self.out)


class Cli:
    """cryptoctl, with some options always given."""

    def __init__(self, *always: str, env: Mapping[str, str | None] | None = None) -> None:
        self._always, self._env = always, dict(env or {})

    def __call__(self, *arguments: str, typed: str | None = None) -> Said:
        """Runs a command; a traceback for the person would be a defect."""
        result = CliRunner().invoke(app, [*arguments, *self._always], input=typed, env=self._env)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.stderr
        return Said(code=result.exit_code, out=result.stdout, err=result.stderr)

    def ok(self, *arguments: str, typed: str | None = None) -> Said:
        """Runs a command that must work."""
        said = self(*arguments, typed=typed)
        assert said.code == 0, said.err + said.out
        return said


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state_directory: Path) -> Path:
    """An empty working directory without any configuration above it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(elsewhere: Path) -> Cli:
    """cryptoctl without any option given, in an empty directory, with no credentials anywhere."""
    nothing = str(elsewhere / "none")
    return Cli(
        env={
            "AWS_CONFIG_FILE": nothing,
            "AWS_SHARED_CREDENTIALS_FILE": nothing,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": None,
            "AWS_SECRET_ACCESS_KEY": None,
        }
    )


@pytest.fixture
def local_cli(engine: Engine, elsewhere: Path) -> Callable[[str], Cli]:
    """cryptoctl for an environment on the engine, by name."""
    return lambda environment: Cli("--local", "--env", environment)


@pytest.fixture(scope="module")
def day(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """cryptoctl for an environment that is up, shared by a module; batches are not waited for."""
    name = f"day{tmp_path_factory.mktemp('day').name[-1]}"
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("work")
        patch.chdir(directory)
        (directory / "cryptoctl.toml").write_text(f"[env.{name}.stream]\nwindow_s = 0\n", encoding="utf-8")
        cli = Cli("--local", "--env", name)
        cli.ok("up")
        yield cli
        cli.ok("down", "--yes")
