"""What a shell completes besides commands and options: from files only, without a request."""

from __future__ import annotations

from configparser import ConfigParser, Error

from cryptoctl.errors import Failure

# As the stack names them, which a test compares: to import the stack is too slow for a TAB.
FUNCTIONS = ("webhook-processor", "price-enricher", "error-notifier")


def environment_names() -> list[str]:
    """The environments that the configuration names, and those that this machine has brought up."""
    from cryptoctl import last_location, settings_file

    found = set(last_location.known_environments())
    try:
        file = settings_file.locate(None)
        named = settings_file.parsed(file).get("env", {}) if file is not None else {}
    except Failure:  # a TAB is no place for an error
        named = {}
    return sorted(found | set(named if isinstance(named, dict) else ()))


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
    return sorted({each.removeprefix("profile ").strip() for each in sections if _names_a_profile(each)})


def _names_a_profile(section: str) -> bool:
    return not section.startswith(("sso-session", "services"))


def function_names() -> list[str]:
    """The functions, as `logs` takes them."""
    return list(FUNCTIONS)
