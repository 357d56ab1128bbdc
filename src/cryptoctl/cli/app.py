"""The root of the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from cryptoctl import __version__

app = typer.Typer(
    name="cryptoctl",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cryptoctl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Provision and operate a serverless pipeline for cryptocurrency prices: on AWS, or on this machine."""
