"""cryptoctl init: a configuration file to start from."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.settings import FILE_NAME


@command("init", access=None, example="cryptoctl init")
def init(
    run: CommandRun,
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(FILE_NAME),
) -> None:
    """Write a commented cryptoctl.toml. An existing file is not overwritten."""
    text = resources.files("cryptoctl").joinpath("template.toml").read_text(encoding="utf-8")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Failure(
            ExitCode.REFUSED,
            f"{path} exists already and was not changed.",
            "`cryptoctl init FILE` writes another one, to copy from.",
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
    run.set_members(path=str(path))
    run.done(f"{path} is written", "Edit it, then see `cryptoctl config`.")
    run.screen.say(f"Wrote {path}. Every line in it is a comment that shows a default or an example.")
