"""What a shell completes besides commands and options: from files only, without a request."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from configparser import ConfigParser, Error
from typing import TYPE_CHECKING, Any

import typer

from cryptoctl.errors import Failure

if TYPE_CHECKING:
    from cryptoctl.stack import Stack


def environment_names(ctx: typer.Context) -> list[str]:
    """The environments that the configuration names, and those that this machine has brought up."""
    from cryptoctl import last_location

    try:
        known = set(last_location.known_environments())
    except Failure:  # completion shows no errors
        known = set()
    environments = _configuration(ctx).get("env")
    return _typeable(sorted(known | set(environments if isinstance(environments, dict) else ())))


def _configuration(ctx: typer.Context) -> dict[str, Any]:
    from cryptoctl import settings_file

    try:
        file = settings_file.locate(_typed(ctx, "config"))
        return {} if file is None else settings_file.parse(file)
    except Failure:  # completion shows no errors
        return {}


def profile_names() -> list[str]:
    """The profiles of the AWS configuration."""
    from cryptoctl import env_vars

    sections = []
    for path in env_vars.aws_files():
        parser = ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(path, encoding="utf-8")
        except (OSError, Error, UnicodeDecodeError):
            continue
        sections += parser.sections()
    profiles = [section for section in sections if not section.startswith(("sso-session", "services"))]
    return _typeable(sorted({profile.removeprefix("profile ").strip() for profile in profiles}))


def claim_ids() -> list[str]:
    """The claims, as `selftest --only` takes them."""
    from cryptoctl.ops.selftest.catalogue import WRITTEN

    return [claim.id for claim in WRITTEN]


def function_names(ctx: typer.Context) -> list[str]:
    """The functions, as `logs` takes them."""
    return [function.short_name for function in _stack(ctx).functions]


def resource_names(ctx: typer.Context) -> list[str]:
    """The resources of the environment, as --only takes them."""
    return _typeable(dict.fromkeys(resource.name for resource in _stack(ctx)))


def _typeable(names: Iterable[str]) -> list[str]:
    """Those that a shell takes as they stand: zsh evaluates what it is offered, and the names may be of a
    stranger's cryptoctl.toml, in whose directory the person happens to be."""
    return [name for name in names if shlex.quote(name) == name]


def _environment(ctx: typer.Context) -> str:
    from cryptoctl import env_vars
    from cryptoctl.settings import DEFAULT_ENVIRONMENT

    default = _configuration(ctx).get("default_env") or DEFAULT_ENVIRONMENT
    return str(_typed(ctx, "env") or env_vars.environment() or default)


def _typed(ctx: Any, option: str) -> Any:
    """What stands on the line already, behind the command or before it; None where nothing does."""
    return ctx.params.get(option) or (ctx.parent and _typed(ctx.parent, option))


def _stack(ctx: typer.Context) -> Stack:
    """The environment's stack in no account: for its names."""
    from cryptoctl.provisioners.function import Code
    from cryptoctl.reconcile.scope import Scope
    from cryptoctl.settings import DEFAULT_REGION, EnvironmentSettings
    from cryptoctl.stack import Stack

    scope = Scope(environment=_environment(ctx), account="0" * 12, region=DEFAULT_REGION)
    return Stack(scope, EnvironmentSettings(), Code(zip_bytes=b"", sha256=""))
