"""cryptoctl cost: what the environment costs, estimated without asking AWS; or what it has cost."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from cryptoctl.cli.command import CommandRun, command
from cryptoctl.errors import InputError
from cryptoctl.ops.cost.estimate import estimate
from cryptoctl.ops.cost.traffic import Load
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.permissions import Access
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import DEFAULT_REGION
from cryptoctl.stack import Stack
from cryptoctl.ui.cost import actual_document, cost_document, show_actual, show_cost

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(?:/\s*([smhd]))?", re.ASCII)
MAX_PER_S = 1_000_000
USUAL_RATE = "10/s"
NO_ACCOUNT = "0" * 12


@command("cost", access=Access.DESCRIBE, example="cryptoctl cost --rate 10/s --symbols 50")
def cost(
    run: CommandRun,
    rate: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER[/s|m|h|d]", help=rf"How many prices come in, evenly. \[default: {USUAL_RATE}]"
        ),
    ] = None,
    symbols: Annotated[int, typer.Option(min=1, max=1_000_000, help="Of how many symbols.")] = 50,
    batch: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help=r"How many prices are in a request. \[default: 1]"),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="For how many days.")] = 30,
    actual: Annotated[
        bool, typer.Option("--actual", help="What the last days have cost, as CloudWatch counted them.")
    ] = False,
) -> None:
    """Estimate what the environment costs on AWS, part by part. Only --actual asks AWS."""
    if actual:
        if rate is not None or batch is not None:
            raise InputError(
                "--rate and --batch are assumptions of the estimate; with --actual both are counted.",
                "Leave them out, or leave --actual out.",
            )
        _actual(run, days, symbols)
        return
    per_s = _per_second(USUAL_RATE if rate is None else rate)
    load = Load(prices_per_s=per_s, symbols=symbols, batch=1 if batch is None else batch, days=days)
    session = run.session
    scope = Scope(
        environment=session.environment,
        account=NO_ACCOUNT,
        region=session.options.region or session.config.region or DEFAULT_REGION,
    )
    costs = estimate(Stack(scope, session.config, Code(zip_bytes=b"", sha256="")), load)
    run.set_members(**cost_document(costs))
    run.show(show_cost, costs)


def _actual(run: CommandRun, days: int, symbols: int) -> None:
    from cryptoctl.ops.cost.actual import MAX_DAYS, actual_cost

    if days > MAX_DAYS:
        raise InputError(
            f"CloudWatch keeps what it counted for {MAX_DAYS} days, not for {days}.",
            f"Choose --days {MAX_DAYS} or less.",
        )
    costs = actual_cost(run.session.aws, run.session.stack, days, symbols)
    run.set_members(**actual_document(costs))
    run.show(show_actual, costs, run.session.location)


def _per_second(text: str) -> float:
    match = _RATE.fullmatch(text.strip())
    per_s = float(match[1]) / _SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < per_s <= MAX_PER_S:
        raise InputError(
            f"{text!r} is not a valid rate.",
            f"Write a number of prices, such as 10/s, 600/m or 5000/d; at most {MAX_PER_S:,} a second.",
        )
    return per_s
