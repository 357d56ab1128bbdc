"""cryptoctl webhook: the senders, their secrets, and trying them."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.core.webhook_secrets import SenderSecret
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.times import iso_of_ms, now_ms, parse_duration
from cryptoctl.ops.webhook.requests import RequestMaker
from cryptoctl.ops.webhook.secrets import (
    MAX_GRACE,
    READ_AGAIN_S,
    SecretStore,
    parse_sender_secret,
    secret_for,
)
from cryptoctl.ops.webhook.senders import activity, find_sender, webhook_address
from cryptoctl.ops.webhook.testing import steps
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.retry import Retry
from cryptoctl.ui.waits import waiting
from cryptoctl.ui.webhook import sender_document, show_senders, show_step
from cryptoctl.webhook_presets import TRADINGVIEW_MESSAGE

HIDDEN = "SECRET"
STANDARD_INPUT = Path("-")
MAX_BODY_BYTES = 500_000

Name = Annotated[str, typer.Argument(metavar="NAME", help="The sender's name.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show the secret without asking.")]
Body = Annotated[
    Path | None,
    typer.Option("--body", metavar="FILE", help="A file with a message as this sender writes it."),
]


@command("webhook", "list", access=Access.READ_DATA, example="cryptoctl webhook list --env prod")
def list_(run: CommandRun) -> None:
    """Show the senders: how each proves who it is, and what came from it."""
    stack = run.session.stack
    if not stack.config.webhook.senders:
        run.screen.say(
            "No sender is configured, so there is no address: `cryptoctl init` writes an example of "
            "[env.NAME.webhook.senders.SENDER]."
        )
        return
    url, senders = run.session.aws.gather(
        lambda: webhook_address(run.session.aws, stack), lambda: activity(run.session.aws, stack, now_ms())
    )
    run.set_members(url=url, senders=[sender_document(sender) for sender in senders])
    run.show(show_senders, url, senders)


@command("webhook", "show", access=Access.MANAGE, example="cryptoctl webhook show tradingview")
def show(run: CommandRun, name: Name, reveal: Reveal = False, body: Body = None) -> None:
    """Show what to give a sender: the address, the secret, and a message or a request to paste."""
    maker, store = _sender(run, name)
    sender_secret = store.read()
    shown = reveal or _confirmed(run, name)
    # A signature shows nothing of the secret; a token and a password are the secret.
    secret = sender_secret.secret if shown or maker.keys["scheme"] == "hmac" else HIDDEN
    curl, unknown = _curl(maker, secret, body)
    in_path = bool(maker.keys.get("token_in_path"))
    url = f"{maker.address}{name}" + (f"/{sender_secret.secret if shown else HIDDEN}" if in_path else "")
    message = TRADINGVIEW_MESSAGE if maker.sender.preset == "tradingview" else None
    run.set_members(
        sender=name,
        url=url,
        secret=sender_secret.secret if shown else None,
        previous_until=_until(sender_secret),
        message=message,
        curl=curl,
    )
    if run.is_json:
        return
    run.screen.data(f"address  {url}")
    _say_secret(run, sender_secret, shown)
    if message is not None:
        run.screen.data(f"message  {message}")
    if curl is None:
        run.screen.say(unknown)
        return
    run.screen.data(f"curl     {curl}")
    if maker.keys.get("timestamp_header"):
        run.screen.say("The signature of the curl command counts for a few minutes.")


def _curl(maker: RequestMaker, secret: str, body: Path | None) -> tuple[str | None, str]:
    """A request as the sender makes it, for a shell; or None, and why what they write is not known."""
    try:
        text = _text(body) if body is not None else maker.sample()
    except Failure as unknown:
        if body is not None:
            raise
        return None, f"No curl command: {unknown.message} {unknown.hint}"
    return maker.request(secret, text, now_s=time.time(), message_id=_message_id()).curl(), ""


@command("webhook", "rotate", access=Access.MANAGE, example="cryptoctl webhook rotate desk --grace 24h")
def rotate(
    run: CommandRun,
    name: Name,
    grace: Annotated[
        str, typer.Option(metavar="TIME", help="How long the old secret still counts, such as 1h30m.")
    ] = "24h",
    secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The new secret, where the sender makes it; - is stdin."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Forget what the parameter holds; the old secret ends at once.")
    ] = False,
    reveal: Reveal = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait until the function knows the new secret.")
    ] = False,
) -> None:
    """Replace a sender's secret; the old one still counts for a while."""
    length = parse_duration(grace)
    if length > MAX_GRACE:
        raise InputError(f"--grace {grace} is longer than {MAX_GRACE.days} days.")
    stack = run.session.stack
    find_sender(stack, name)
    store = SecretStore(aws=run.session.aws, stack=stack, sender=name)
    new = (
        secret_for(stack, name)
        if secret_file is None
        else parse_sender_secret(stack, name, _text(secret_file))
    )
    if replace:
        sender_secret = SenderSecret(secret=new)
        store.write(sender_secret)
    else:
        sender_secret = store.rotate(new, now_ms=now_ms(), grace=length)
    run.set_members(sender=name, previous_until=_until(sender_secret))
    hint = f"`cryptoctl webhook show {name} --reveal` shows the new secret."
    run.done(f"The secret of {name} is replaced", f"{hint} Do not rotate again for it.")
    if not no_wait:
        try:
            with waiting(run.screen, run.clock) as on_wait:
                for _ in Retry(run.clock, on_wait).pauses(
                    "each instance of the function to read it", READ_AGAIN_S
                ):
                    pass
        except KeyboardInterrupt:
            raise Failure(
                ExitCode.INTERRUPTED,
                f"Interrupted. The secret of {name} is replaced; for {READ_AGAIN_S:.0f} s an instance of the "
                "function may know the old one only.",
                f"{hint} Do not rotate again for it.",
            ) from None
    shown = reveal or _confirmed(run, name)
    run.set_members(secret=new if shown else None, effective=not no_wait)
    if not run.is_json:
        _say_secret(run, sender_secret, shown)
        if not shown:
            run.screen.say(hint)
        if no_wait:
            run.screen.say(
                f"Give it to the sender in {READ_AGAIN_S:.0f} s: until then an instance of the function may "
                "know the old one only."
            )


@command("webhook", "test", access=Access.MANAGE, example="cryptoctl webhook test desk")
def test(run: CommandRun, name: Name, body: Body = None) -> None:
    """Send a test price as a sender does, and the same request forged, which must be refused."""
    maker, store = _sender(run, name)
    text = _text(body) if body is not None else maker.sample()
    secret, other_secret = store.read().secret, secret_for(run.session.stack, name)
    now_s, message_id = time.time(), _message_id()
    right, forged = (
        maker.request(value, text, now_s=now_s, message_id=message_id) for value in (secret, other_secret)
    )
    proof_steps = []
    for step in steps(maker, right, forged):
        proof_steps.append(step)
        run.set_members(sender=name, steps=proof_steps)
        run.show(show_step, step)
    if any(step.passed is None for step in proof_steps):
        run.screen.say(
            f"Whether {name}'s prices are stored cannot be seen from this machine: "
            "send one from there, then look at `cryptoctl webhook list`."
        )
    failed = [step for step in proof_steps if step.passed is False]
    if failed:
        # The first step asks for no proof: where it fails, the function may never have been reached.
        hint = "`cryptoctl plan` shows whether somebody has changed it; " if proof_steps[0] in failed else ""
        raise Failure(
            ExitCode.FAILED,
            f"{len(failed)} of {len(proof_steps)} steps failed for {name}.",
            f"{hint}`cryptoctl logs {run.session.stack.webhook.name}` shows what the function said; "
            "a secret that was rotated just now counts everywhere after a minute.",
        )


def _sender(run: CommandRun, name: str) -> tuple[RequestMaker, SecretStore]:
    stack, aws = run.session.stack, run.session.aws
    sender = find_sender(stack, name)
    maker = RequestMaker(name=name, sender=sender, address=webhook_address(aws, stack))
    return maker, SecretStore(aws=aws, stack=stack, sender=name)


def _confirmed(run: CommandRun, name: str) -> bool:
    can_ask = run.screen.can_ask and not run.is_json
    return can_ask and run.screen.ask_yes_no(f"Show the secret of {name} on this screen?")


def _say_secret(run: CommandRun, secret: SenderSecret, shown: bool) -> None:
    run.screen.data(f"secret   {secret.secret if shown else '(not shown; --reveal shows it)'}")
    until = _until(secret)
    if until is not None:
        run.screen.say(f"The secret before this one counts until {until}.")


def _until(secret: SenderSecret) -> str | None:
    if len(secret.accepted(now_ms())) < 2:
        return None
    return iso_of_ms(secret.until_ms)


def _message_id() -> str:
    return f"msg_{uuid.uuid4().hex}"


def _text(path: Path) -> str:
    try:
        if path == STANDARD_INPUT:
            return sys.stdin.read(MAX_BODY_BYTES)
        with path.open(encoding="utf-8") as file:
            return file.read(MAX_BODY_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error.reason}.") from error
