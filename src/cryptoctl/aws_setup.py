"""Checks before the first request: its endpoint, and the credentials that sign it."""

from __future__ import annotations

import getpass
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """An engine's own credentials; never a person's."""

    access_key: str
    secret_key: str


def is_local_endpoint(endpoint_url: str) -> bool:
    """Whether requests go to an engine here, and not to AWS."""
    return urlsplit(endpoint_url).hostname in ("127.0.0.1", "::1", "localhost")


# What the hosts of AWS's own endpoints end with, by partition.
SUFFIXES = (
    *("amazonaws.com", "api.aws"),
    *("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    *("amazonaws.eu", "api.amazonwebservices.eu"),
    *("c2s.ic.gov", "api.aws.ic.gov"),
    *("sc2s.sgov.gov", "api.aws.scloud"),
    *("cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
    *("csp.hci.ic.gov", "api.aws.hci.ic.gov"),
)


def is_aws_endpoint(endpoint_url: str) -> bool:
    """Whether requests go to an address of AWS's own, a VPC endpoint's included."""
    return (urlsplit(endpoint_url).hostname or "").endswith(tuple(f".{suffix}" for suffix in SUFFIXES))


# For a botocore session that reads nothing of the user's AWS configuration.
UNCONFIGURED = {
    "profile": (None, None, None, None),
    "config_file": (None, None, "/dev/null", None),
    "credentials_file": (None, None, "/dev/null", None),
}


def load_credentials(session: Any) -> None:
    """Loads them once, before anything else can fail: a role is assumed, a process run, a file read.

    Raises ValueError for a key that cannot be one, or credentials of another form; EOFError where an MFA
    code is asked for and there is no terminal.
    """
    try:
        credentials = _resolve_credentials(session)
    except getpass.GetPassWarning as error:
        raise EOFError from error
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    except (AttributeError, LookupError, TypeError) as error:  # botocore takes what it is given as it is
        raise ValueError(f"they have another form than AWS's ({error})") from error
    if credentials and any(
        map(str.isspace, f"{credentials.access_key}{credentials.secret_key}{credentials.token or ''}")
    ):
        raise ValueError("there is a space or a line break in a key")


def _resolve_credentials(session: Any) -> Any:
    """What requests are signed with; None where there is nothing."""
    with warnings.catch_warnings():
        # Without a terminal it would read from standard input, after three lines of warning.
        warnings.simplefilter("error", getpass.GetPassWarning)
        credentials = session.get_credentials()
        return credentials.get_frozen_credentials() if credentials else None


def check_port(endpoint: str) -> None:
    """Raises ValueError for an endpoint whose port is none."""
    try:
        urlsplit(endpoint).port  # noqa: B018 - botocore looks only as it signs, and raises ValueError then
    except ValueError:
        raise ValueError("The endpoint's port is no number up to 65535") from None
