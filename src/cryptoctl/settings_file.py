"""Finding, reading and validating cryptoctl.toml; the environment's name.

Precedence everywhere: command line, then environment variable, then file, then default.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptoctl import env_vars
from cryptoctl.aws_errors import without_password
from cryptoctl.errors import Failure, InputError
from cryptoctl.settings import DEFAULT_ENVIRONMENT, FILE_NAME, Settings
from cryptoctl.wording import shortened

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# The longest name made from it is a role's, "webhook-processor-E-role", and IAM allows 64 characters.
ENVIRONMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}")
EVERY_KEY = "`cryptoctl config` lists every key with what it means."
ANOTHER_FILE = "Name a TOML file in UTF-8 with --config or CRYPTOCTL_CONFIG."
MAX_BYTES = 200_000
MAX_LINE_LENGTH = 5000  # a key takes tomllib the square of the number of its parts
LIST_ON_LINES = "Write each value of a long list on a line of its own."
SHOWN_ERRORS = 5
MAX_VALUE_LENGTH = 80


def load(path: Path | None) -> Settings:
    """Reads the configuration: the given file, CRYPTOCTL_CONFIG's, or the nearest one upwards.

    Raises Failure (USAGE) naming the file, the key and what is allowed.
    """
    file = locate(path)
    if file is None:
        return Settings()
    settings = _validated(file, parse(file))
    for name in settings.env:
        check_environment(name)
    return settings


def locate(path: Path | None) -> Path | None:
    """The file that `load` reads; None where there is none."""
    file = path or env_vars.configuration_file()
    if file is not None:
        return file
    try:
        cwd = Path.cwd()
        return next(
            (directory / FILE_NAME for directory in (cwd, *cwd.parents) if (directory / FILE_NAME).is_file()),
            None,
        )
    except OSError as error:
        raise InputError(
            f"The working directory cannot be read: {error.strerror}.",
            f"Change to another directory, or name the {FILE_NAME} with --config.",
        ) from error


def parse(path: Path) -> dict[str, Any]:
    """The file's tables, not validated. Raises Failure (USAGE) for a file that is not a TOML file."""
    try:
        return tomllib.loads(_text(path))
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}", ANOTHER_FILE) from error
    except UnicodeDecodeError as error:
        raise _wrong(path, f"is not UTF-8 text: {error.reason}", ANOTHER_FILE) from error
    except RecursionError as error:
        raise _wrong(path, "is nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError, and integers of more digits than Python converts
        raise _wrong(path, f"is not valid TOML: {error}", "Correct the file there.") from error


def _text(path: Path) -> str:
    # A pipe or a device could be read for ever.
    if not stat.S_ISREG(path.stat().st_mode):
        raise _wrong(path, "is not a regular file", ANOTHER_FILE)
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise _wrong(path, f"is larger than {MAX_BYTES // 1000} kB", ANOTHER_FILE)
    text = content.decode("utf-8")
    if any(len(line) > MAX_LINE_LENGTH for line in text.splitlines()):
        raise _wrong(path, f"has a line of more than {MAX_LINE_LENGTH} characters", LIST_ON_LINES)
    return text


def _validated(path: Path, document: Mapping[str, Any]) -> Settings:
    from pydantic import ValidationError

    try:
        return _adapter().validate_python(document)
    except ValidationError as error:
        raise _wrong(path, _sentences(error.errors())) from error
    except RecursionError as error:
        raise _wrong(path, "is nested too deeply") from error


@cache
def _adapter() -> TypeAdapter[Settings]:
    from pydantic import TypeAdapter

    return TypeAdapter(Settings)


def _sentences(errors: Sequence[Any]) -> str:
    more = len(errors) - SHOWN_ERRORS
    sentences = [_sentence(error) for error in errors[:SHOWN_ERRORS]]
    return "; ".join([*sentences, f"and {more} more"] if more > 0 else sentences)


def _wrong(path: Path, problem: str, hint: str = EVERY_KEY) -> Failure:
    return InputError(f"{path} {problem}.", hint)


def _sentence(error: Mapping[str, Any]) -> str:
    # Where a key takes one of several types, pydantic appends the type that it tried to the location.
    parts = [str(part) for part in error["loc"]]
    key = ".".join(
        part
        for part in parts
        if part not in _TYPES and not part.startswith(("literal[", "constrained", "function-"))
    )
    key = shortened(key, MAX_VALUE_LENGTH)
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"has an unknown key `{key}`"
    if error["type"] == "missing":
        return f"lacks `{key}`"
    message = error["msg"].removeprefix("Value error, ")
    needed = _NEEDED.get(error["type"])
    problem = f"{needed} is needed" if needed else f"{message[0].lower()}{message[1:]}"
    return f"has `{key} = {_value_text(error['input'])}`: {problem}"


_TYPES = ("int", "str")
# pydantic's types of errors in the words of TOML.
_NEEDED = {
    "bool_type": "true or false",
    "dataclass_type": "a table",
    "dict_type": "a table",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "string_type": "a text",
    "tuple_type": "a list",
}


def _value_text(value: Any) -> str:
    try:
        text = without_password(json.dumps(value, default=str))
    except (RecursionError, ValueError):
        return "…"
    return shortened(text, MAX_VALUE_LENGTH)


def environment_name(flag: str | None, settings: Settings) -> str:
    """--env, else CRYPTOCTL_ENV, else default_env, else dev; refused if a resource could not carry it."""
    return check_environment(flag or env_vars.environment() or settings.default_env or DEFAULT_ENVIRONMENT)


def check_environment(name: str) -> str:
    """The name, or Failure (USAGE) if some resource's name could not be made from it."""
    if not ENVIRONMENT_NAME.fullmatch(name):
        raise InputError(
            f"{shortened(name, MAX_VALUE_LENGTH)!r} is not a valid name for an environment.",
            "Use 1 to 41 letters, digits, hyphens or underscores, and begin with a letter or digit.",
        )
    return name
