"""The only reader of environment variables and of cryptoctl.toml.

Precedence everywhere: command line, then environment variable, then file, then default.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_state_path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cryptoctl.aws_errors import without_password
from cryptoctl.errors import Failure, Problem

FILE_NAME = "cryptoctl.toml"
DEFAULT_ENVIRONMENT = "dev"
# The longest name made from it is a role's, "webhook-processor-E-role", and IAM allows 64 characters.
ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")


class Target(StrEnum):
    """Where an environment lives."""

    AWS = "aws"
    LOCAL = "local"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Concurrency = Annotated[int, Field(ge=1, le=1000)] | Literal["none"]
# The values that CloudWatch Logs takes, up to a year.
LogDays = Literal[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]


_POLICY_ARN = r"^arn:aws[a-z-]*:iam::(aws|\d{12}):policy/[\w+=,.@/-]+$"


def _reserved(wanted: int | str) -> int | None:
    return None if isinstance(wanted, str) else wanted


def _subscriber(text: str) -> str:
    if re.fullmatch(r"[^@\s:/]+@[^@\s]+|https://[^@\s]+", text):
        return text
    if re.fullmatch(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}", text):
        return text
    # A password in an address would stand in plans, and SNS never shows it again for comparison.
    raise ValueError(
        "must be an email address, an https:// address without a password, or the ARN of a standard SQS queue"
    )


class WebhookProcessor(_Section):
    """[env.NAME.webhook_processor]"""

    reserved_concurrency: Concurrency = 10
    max_age_days: Annotated[int, Field(ge=1, le=36500)] | None = None

    @property
    def reserved(self) -> int | None:
        """The reserved concurrency; None for none."""
        return _reserved(self.reserved_concurrency)

    @property
    def variables(self) -> dict[str, str]:
        """The settings that the handler reads from its environment."""
        return {} if self.max_age_days is None else {"MAX_AGE_DAYS": str(self.max_age_days)}


class PriceEnricher(_Section):
    """[env.NAME.price_enricher]"""

    reserved_concurrency: Concurrency = 5

    @property
    def reserved(self) -> int | None:
        """The reserved concurrency; None for none."""
        return _reserved(self.reserved_concurrency)


class Stream(_Section):
    """[env.NAME.stream]"""

    batch_size: Annotated[int, Field(ge=1, le=10_000)] = 10
    window_s: Annotated[int, Field(ge=0, le=300)] = 5


class Environment(_Section):
    """[env.NAME]: one environment."""

    target: Target | None = None
    profile: str | None = None
    region: str | None = None
    account_id: Annotated[str, Field(pattern=r"^\d{12}$")] | None = None
    protected: bool = False
    permissions_boundary: Annotated[str, Field(pattern=_POLICY_ARN)] | None = None
    key_deletion_window_days: Annotated[int, Field(ge=7, le=30)] = 10
    dead_letter_retention_s: Annotated[int, Field(ge=60, le=1_209_600)] = 345_600
    log_retention_days: LogDays = 3
    alert_subscribers: tuple[Annotated[str, AfterValidator(_subscriber)], ...] = ()
    webhook_processor: WebhookProcessor = WebhookProcessor()
    price_enricher: PriceEnricher = PriceEnricher()
    stream: Stream = Stream()


class EngineSettings(_Section):
    """[engine]: the embedded engine on this machine."""

    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    async_retry_delays_s: tuple[Annotated[float, Field(ge=0)], ...] = (60.0, 120.0)


class Settings(_Section):
    """The whole of cryptoctl.toml."""

    default_env: str | None = None
    engine: EngineSettings = EngineSettings()
    env: Mapping[str, Environment] = {}


def load(path: Path | None) -> Settings:
    """Reads the configuration: the given file, CRYPTOCTL_CONFIG's, or the nearest one upwards.

    Raises Failure (USAGE) naming the file, the key and what is allowed.
    """
    found = _file(path)
    if found is None:
        return Settings()
    try:
        text = found.read_text(encoding="utf-8")
        settings = Settings.model_validate(tomllib.loads(text))
    except OSError as error:
        raise _wrong(found, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _wrong(found, f"is not UTF-8 text: {error.reason}") from error
    except tomllib.TOMLDecodeError as error:
        raise _wrong(found, f"is not valid TOML: {error}") from error
    except ValidationError as error:
        raise _wrong(found, "; ".join(_sentence(dict(each)) for each in error.errors())) from error
    for name in settings.env:
        check_environment(name)
    return settings


def _file(path: Path | None) -> Path | None:
    named = path or _path(os.environ.get("CRYPTOCTL_CONFIG"))
    if named is not None:
        return named
    here = Path.cwd()
    return next((each / FILE_NAME for each in (here, *here.parents) if (each / FILE_NAME).is_file()), None)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _wrong(path: Path, what: str) -> Failure:
    return Failure(Problem.USAGE, f"{path} {what}.", "docs/configuration.md lists every key.")


def _sentence(error: Mapping[str, Any]) -> str:
    # Where a key takes one of several types, pydantic appends the type that it tried to the location.
    parts = [str(part) for part in error["loc"]]
    key = ".".join(
        p for p in parts if p not in ("int", "str") and not p.startswith(("literal[", "constrained"))
    )
    if error["type"] == "extra_forbidden":
        return f"has an unknown key `{key}`"
    value = without_password(json.dumps(error["input"], default=str))
    why = error["msg"].removeprefix("Value error, ")
    return f"has `{key} = {value}`: {why[0].lower()}{why[1:]}"


def environment_name(flag: str | None, settings: Settings) -> str:
    """--env, else CRYPTOCTL_ENV, else default_env, else dev; refused if a resource could not carry it."""
    name = flag or os.environ.get("CRYPTOCTL_ENV") or settings.default_env or DEFAULT_ENVIRONMENT
    return check_environment(name)


def check_environment(name: str) -> str:
    """The name, or Failure (USAGE) if some resource's name could not be made from it."""
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise Failure(
            Problem.USAGE,
            f"{name!r} cannot name an environment.",
            "Access 1 to 41 letters, digits, hyphens or underscores, and begin with a letter or digit.",
        )
    return name


def colour_wanted(flag: bool) -> bool:
    """False with --no-color or when NO_COLOR is set to anything."""
    return not flag and not os.environ.get("NO_COLOR")


def aws_region() -> str | None:
    """The region in AWS_REGION, which boto3 does not read; None where it says nothing.

    As in every other AWS tool it comes before AWS_DEFAULT_REGION and the profile's region.
    """
    return os.environ.get("AWS_REGION") or None


def editor() -> str:
    """The person's editor: VISUAL, else EDITOR, else vi."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"


def state_directory() -> Path:
    """Where this machine's own state is kept: CRYPTOCTL_STATE_DIR, else the user's state directory."""
    return _path(os.environ.get("CRYPTOCTL_STATE_DIR")) or user_state_path("cryptoctl")


class Memory(_Section):
    """Where `up` last put an environment."""

    target: Target
    account: str


def _memory_file() -> Path:
    return state_directory() / "environments.json"


def _memories() -> dict[str, Any]:
    try:
        loaded = json.loads(_memory_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a hint only: without it the precedence goes on to its next step
        return {}
    return loaded if isinstance(loaded, dict) else {}


def remembered(environment: str) -> Memory | None:
    """The hint for an environment; None where there is none. Safe to delete."""
    try:
        return Memory.model_validate(_memories()[environment])
    except (KeyError, ValidationError):
        return None


def remember(environment: str, memory: Memory) -> None:
    """Writes the hint, where that is possible."""
    memories = {**_memories(), environment: memory.model_dump(mode="json")}
    path = _memory_file()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(memories, indent=1), encoding="utf-8")
        fresh.replace(path)
    except OSError:  # a hint only: without it, --local or --aws says where
        return
