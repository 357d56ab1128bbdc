"""cryptoctl iam-policy: the smallest policy for deploying, operating or reading."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import InputError
from cryptoctl.ops.permissions import MANAGED_POLICY_CHARACTERS, Purpose, policy_documents
from cryptoctl.reconcile.permissions import Access
from cryptoctl.ui.screen import Screen


@command("iam-policy", access=Access.DESCRIBE, example="cryptoctl iam-policy --for operate --env prod")
def iam_policy(
    run: CommandRun,
    purpose: Annotated[
        Purpose,
        typer.Option("--for", help="`deploy` for up and down, `operate` to send and replay, `read` to look."),
    ] = Purpose.DEPLOY,
    part: Annotated[
        int | None, typer.Option(metavar="N", help="Only this part, where it does not fit into one policy.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(metavar="DIRECTORY", help="Write each part into a file there.")
    ] = None,
) -> None:
    """Print the smallest IAM policy for an environment, as JSON. Nothing is changed."""
    if part is not None and output_dir is not None:
        raise InputError("--part and --output-dir exclude each other.", "Leave one out.")
    documents = policy_documents(run.session.stack, purpose)
    if output_dir is not None:
        stem = f"{run.session.environment}-{purpose}"
        files = [
            _write(output_dir / f"{stem}-{number}.json", policy) for number, policy in enumerate(documents, 1)
        ]
        run.set_members(files=files, parts=len(documents))
        for file in files:
            run.show(Screen.data, file)
        for old in _older_parts(output_dir, stem, len(documents)):
            run.screen.warn(f"{old} is of an earlier, longer policy: delete it.")
        return
    if part is None and len(documents) > 1:
        raise InputError(
            f"The policy does not fit into one managed policy, which holds {MANAGED_POLICY_CHARACTERS:,} "
            f"characters: it takes {len(documents)}.",
            f"Print them with --part 1 to --part {len(documents)}, or write them with --output-dir, and "
            "attach all of them.",
        )
    if part is not None and not 1 <= part <= len(documents):
        raise InputError(f"There is no part {part}.", f"The parts are numbered from 1 to {len(documents)}.")
    document = documents[(part or 1) - 1]
    run.set_members(policy=document, parts=len(documents))
    run.show(Screen.json, document)


def _older_parts(directory: Path, stem: str, count: int) -> Iterator[Path]:
    """The files of parts that the policy no longer has."""
    for file in sorted(directory.glob(f"{stem}-*.json")):
        number = file.stem.removeprefix(f"{stem}-")
        if number.isdecimal() and int(number) > count:
            yield file


def _write(path: Path, document: dict[str, Any]) -> str:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}.", "Name another --output-dir."
        ) from error
    return str(path)
