"""The only boto3 session: cached clients, the account, exact error codes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptoctl.errors import Failure, Problem

Answer = dict[str, Any]

CONNECTIONS = 64
CONNECT_TIMEOUT_S = 5
ANSWER_LOST = "AnswerLost"
# What botocore repeats by itself, unless a request must not be repeated blindly.
THROTTLED = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded"})
# Each service has its own word for it.
DENIED = ("AccessDenied", "AuthorizationError")
LACKING = (
    "These credentials lack that right. `cryptoctl iam-policy --for deploy`, `operate` or `read` prints all "
    "that is needed."
)


class AwsError(Exception):
    """An error that AWS answered with: its exact code and message, and what was asked."""

    def __init__(self, *, service: str, operation: str, code: str, message: str) -> None:
        self.service, self.operation, self.code, self.message = service, operation, code, message
        super().__init__(f"{service}:{operation} answered {code}: {message}")

    @property
    def answer_lost(self) -> bool:
        """Whether no answer came, so that the work may have been done or not."""
        return self.code == ANSWER_LOST

    @property
    def throttled(self) -> bool:
        """Whether AWS did nothing because it was asked too often."""
        return self.code in THROTTLED

    @property
    def denied(self) -> bool:
        """Whether these credentials lack the right; the message names the action and the resource."""
        return self.code.startswith(DENIED)

    def for_a_person(self) -> Failure:
        """As a sentence, and what to do where a right is lacking."""
        return Failure(
            Problem.AWS,
            f"AWS refused {self.service}:{self.operation} ({self.code}): {self.message}",
            LACKING if self.denied else "",
        )


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An engine's own credentials; never a person's."""

    access_key: str
    secret_key: str


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who the credentials belong to."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """aws, aws-cn, aws-us-gov, …"""
        return self.arn.split(":")[1]


class Aws:
    """AWS as seen with one set of credentials in one region, or an engine that speaks like it.

    `endpoint_url` with `credentials` is an engine: then nothing of the user's AWS configuration is read,
    so that a command meant for the engine cannot reach AWS.
    """

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        self._region, self._profile = region, profile
        self.endpoint_url, self._credentials = endpoint_url, credentials
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = threading.Lock()

    @cached_property
    def _session(self) -> Any:
        import boto3
        import botocore.session
        from botocore.exceptions import BotoCoreError

        try:
            if self._credentials is None:
                return boto3.Session(profile_name=self._profile, region_name=self._region)
            alone = botocore.session.Session(
                session_vars={
                    "profile": (None, None, None, None),
                    "config_file": (None, None, "/dev/null", None),
                    "credentials_file": (None, None, "/dev/null", None),
                }
            )
            return boto3.Session(
                botocore_session=alone,
                region_name=self._region,
                aws_access_key_id=self._credentials.access_key,
                aws_secret_access_key=self._credentials.secret_key,
            )
        except BotoCoreError as error:
            raise _failure(error) from error

    @cached_property
    def region(self) -> str:
        """As given, else as the AWS configuration says, else us-east-1."""
        return self._region or self._session.region_name or "us-east-1"

    def _client(self, service: str, *, once: bool) -> Any:
        from botocore.config import Config

        with self._lock:
            if (service, once) not in self._clients:
                settings: dict[str, Any] = {
                    "connect_timeout": CONNECT_TIMEOUT_S,
                    "read_timeout": 70,
                    "max_pool_connections": CONNECTIONS,
                    "retries": {"total_max_attempts": 1} if once else {"mode": "standard", "max_attempts": 6},
                }
                if self._credentials is not None:
                    # An engine on loopback: no proxy, and no special endpoint, may come between.
                    settings |= {"proxies": {}, "use_fips_endpoint": False, "use_dualstack_endpoint": False}
                self._clients[service, once] = self._made(service, Config(**settings))
            return self._clients[service, once]

    def _made(self, service: str, config: Any) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            return self._session.client(
                service, region_name=self.region, endpoint_url=self.endpoint_url, config=config
            )
        except BotoCoreError as error:
            raise _failure(error) from error
        except ValueError as error:  # an endpoint that is no URL
            raise Failure(
                Problem.USAGE, f"{error}.", "Check AWS_ENDPOINT_URL: it begins with http:// or https://."
            ) from error

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        return self._client(service, once=False)

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Answer:
        """Sends one request; throttling and passing faults are repeated unless `once`.

        Raises AwsError for what AWS refuses, Failure where AWS is not reached or knows no such caller.
        """
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            answer: Answer = getattr(self._client(service, once=once), xform_name(operation))(**params)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            if once and _without_answer(error):
                raise AwsError(
                    service=service, operation=operation, code=ANSWER_LOST, message=str(error)
                ) from error
            if isinstance(error, ClientError):
                raise _refusal(service, operation, error.response.get("Error", {})) from error
            raise _failure(error) from error
        return answer

    def look(
        self, service: str, operation: str, *, absent: str | tuple[str, ...] | None, **params: Any
    ) -> Answer | None:
        """Sends a reading request; None for one of the exact codes that mean "no such thing"."""
        codes = (absent,) if isinstance(absent, str) else absent or ()
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if error.code in codes:
                return None
            raise

    def items(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Every item under `key`, over all pages."""
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for page in self.client(service).get_paginator(xform_name(operation)).paginate(**params):
                yield from page.get(key) or []
        except ClientError as error:
            raise _refusal(service, operation, error.response.get("Error", {})) from error
        except BotoCoreError as error:
            raise _failure(error) from error

    def together(self, reads: Sequence[Callable[[], Any]]) -> list[Any]:
        """Runs reads at the same time and gives their results in order."""
        if len(reads) < 2:
            return [read() for read in reads]
        with ThreadPoolExecutor(min(len(reads), CONNECTIONS), thread_name_prefix="read") as readers:
            return list(readers.map(lambda read: read(), reads))

    @cached_property
    def caller(self) -> Caller:
        """Whose credentials these are; one request, the first of every command."""
        answer = self.call("sts", "GetCallerIdentity")
        return Caller(account=answer["Account"], arn=answer["Arn"])


def _refusal(service: str, operation: str, error: Mapping[str, Any]) -> Exception:
    code, message = str(error.get("Code", "Unknown")), str(error.get("Message", ""))
    if code in _BAD_CREDENTIALS:
        return Failure(
            Problem.CREDENTIALS,
            f"AWS does not accept the credentials ({service}:{operation} answered {code}: {message}).",
            "Sign in again (for example `aws sso login`), name another --profile, "
            "or add --local to work on this machine.",
        )
    return AwsError(service=service, operation=operation, code=code, message=message)


_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "IncompleteSignature",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "AuthFailure",
    }
)


def _without_answer(error: Exception) -> bool:
    """Whether the work may have been done or not: no answer came, or only word of a fault inside AWS."""
    from botocore import exceptions as known

    if isinstance(error, known.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, known.HTTPClientError | known.ConnectionError)


def _failure(error: Exception) -> Failure:
    from botocore import exceptions as known
    from botocore.parsers import ResponseParserError

    text = str(error).rstrip(".")
    if isinstance(error, ResponseParserError):
        text = text.splitlines()[0]
        return Failure(
            Problem.UNREACHABLE,
            f"What answered is not AWS ({text}).",
            "Check AWS_ENDPOINT_URL, the proxy and the region.",
        )
    if isinstance(
        error,
        known.NoCredentialsError
        | known.PartialCredentialsError
        | known.CredentialRetrievalError
        | known.RefreshWithMFAUnsupportedError,
    ):
        return Failure(
            Problem.CREDENTIALS,
            f"No usable AWS credentials were found ({text}).",
            "Set AWS_PROFILE or sign in, or add --local to work on this machine without an account.",
        )
    if isinstance(error, known.ProfileNotFound):
        return Failure(
            Problem.CREDENTIALS, f"{text}.", "List the profiles with `aws configure list-profiles`."
        )
    if isinstance(
        error, known.TokenRetrievalError | known.SSOTokenLoadError | known.UnauthorizedSSOTokenError
    ):
        return Failure(Problem.CREDENTIALS, f"The sign-in has expired ({text}).", "Run `aws sso login`.")
    if isinstance(error, known.InvalidRegionError):
        return Failure(Problem.USAGE, f"{text}.", "Name a region such as us-east-1 with --region.")
    if isinstance(error, known.HTTPClientError | known.ConnectionError):
        return Failure(
            Problem.UNREACHABLE,
            f"No answer came: {text}.",
            "Check the network and the region; for the embedded engine: `cryptoctl local status`.",
        )
    return Failure(Problem.AWS, f"The request could not be made: {text}.")
