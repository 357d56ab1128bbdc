"""The only boto3 session: cached clients, the account, exact error codes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from copy import copy
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from typing import Any, TypeVar

from cryptoctl import __version__
from cryptoctl.aws_errors import AwsError as AwsError
from cryptoctl.aws_errors import refusal, without_password
from cryptoctl.aws_responses import AwsResponse
from cryptoctl.aws_setup import UNCONFIGURED, check_port, is_local_endpoint, load_credentials
from cryptoctl.aws_setup import AccessKey as AccessKey
from cryptoctl.botocore_errors import endpoint_settings, failure, load_failure, translate_errors
from cryptoctl.botocore_session import new_session
from cryptoctl.errors import Failure, InputError
from cryptoctl.parallel import SharedReads, begin, map_in_threads, result_of
from cryptoctl.rate_limits import RequestLimits
from cryptoctl.unanswered import UnansweredRequests, timeouts
from cryptoctl.wire_items import take_items

Response = dict[str, Any]
T = TypeVar("T")
R = TypeVar("R")

CONNECTIONS = 64
ATTEMPTS = 7
# Operations that change nothing, so that they may be sent before it is known whose account this is.
READ_PREFIXES = ("Describe", "Get", "List", "Query", "Scan", "Simulate")


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

    `endpoint_url` with `credentials` is an engine: nothing of the user's AWS configuration is read then, and
    nothing reaches AWS. A request is sent `attempts` times at most; `notify` hears of one that is sent again.
    """

    _shared: SharedReads | None = None

    def __init__(
        self,
        *,
        region: str | None = None,
        profile: str | None = None,
        endpoint_url: str | None = None,
        credentials: AccessKey | None = None,
        attempts: int = ATTEMPTS,
        notify: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._region, self._profile, self._attempts = region, profile, attempts
        self._unanswered = UnansweredRequests(notify, attempts)
        self.endpoint_url, self._credentials = endpoint_url, credentials
        self._clients: dict[tuple[str, bool], Any] = {}
        self._confirmation: Future[None] | None = None
        self._request_limits, self._lock = RequestLimits(), threading.Lock()
        on_end, engine = self._unanswered.forget, credentials is not None
        self._translate_errors = partial(translate_errors, engine=engine, client=self.client, on_end=on_end)
        self.on_response: Callable[[str, str, AwsError | None], None] = lambda *_: None
        """Told of each answer to `call`, in its thread: service, operation, the error if it was one."""

    @cached_property
    def _session(self) -> Any:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        from cryptoctl.handlers import certificates

        certificates.parse_once()
        try:
            if self._credentials is None:
                botocore_session = new_session(profile=self._profile)
                session = boto3.Session(botocore_session=botocore_session, region_name=self._region)
                load_credentials(session)
                return session
            return boto3.Session(
                botocore_session=new_session(variables=UNCONFIGURED),
                region_name=self._region,
                aws_access_key_id=self._credentials.access_key,
                aws_secret_access_key=self._credentials.secret_key,
            )
        except (BotoCoreError, ResponseParserError) as error:
            raise failure(error) from error
        except ClientError as error:
            raise refusal("sts", "AssumeRole", error.response) from error
        except (OSError, ValueError, EOFError) as error:
            raise load_failure(error) from error

    @cached_property
    def region(self) -> str:
        """As given, else as the AWS configuration says, else us-east-1."""
        return self._region or self._session.region_name or "us-east-1"

    @property
    def region_is_named(self) -> bool:
        """Whether anything names the region, so that it is not the default."""
        return self._session.region_name is not None

    def _client(self, service: str, *, once: bool) -> Any:
        from botocore.config import Config

        with self._lock:
            if (service, once) not in self._clients:
                settings: dict[str, Any] = {
                    "user_agent_extra": f"cryptoctl/{__version__}",  # CloudTrail shows it
                    **timeouts(service),
                    "max_pool_connections": CONNECTIONS,
                    "retries": {"mode": "standard", "total_max_attempts": 1 if once else self._attempts},
                }
                if self._credentials is not None:
                    # An engine on loopback: no proxy, and no special endpoint, may come between.
                    settings |= {"proxies": {}, "use_fips_endpoint": False, "use_dualstack_endpoint": False}
                    settings["user_agent"] = "cryptoctl"  # botocore puts its own together for each request
                self._clients[service, once] = self._new_client(service, Config(**settings))
                self._unanswered.watch(self._clients[service, once].meta.events, service, once=once)
            return self._clients[service, once]

    def _new_client(self, service: str, config: Any) -> Any:
        from botocore.exceptions import BotoCoreError

        try:
            client = self._session.client(
                service, region_name=self.region, endpoint_url=self.endpoint_url, config=config
            )
            if service in RequestLimits.SERVICES and not is_local_endpoint(client.meta.endpoint_url):
                client.meta.events.register(f"before-send.{service}", self._request_limits.wait)
            for operation in ("Query", "Scan"):
                client.meta.events.register(f"before-parse.dynamodb.{operation}", take_items)
            check_port(client.meta.endpoint_url)
            return client
        except BotoCoreError as error:
            raise failure(error) from error
        except ValueError as error:  # an endpoint that is no URL
            raise InputError(
                f"{without_password(str(error))}.",
                f"Check {endpoint_settings(service)}: http:// or https://, a host, and a port if need be.",
            ) from error

    @property
    def has_shared_quotas(self) -> bool:
        """Whether requests count against the quotas of an account that others use too; not on an engine."""
        return not is_local_endpoint(self.endpoint_url or self.client("sts").meta.endpoint_url)

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        return self._client(service, once=False)

    def call(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        """Sends one request; throttling and passing faults are repeated unless `once`.

        Raises AwsError for what AWS refuses, Failure where AWS is not reached or knows no such caller.
        """
        if not operation.startswith(READ_PREFIXES):
            self._await_confirmation()
        try:
            response = self._send(service, operation, once=once, **params)
        except (AwsError, Failure):
            # What another account refuses says nothing of ours.
            self._await_confirmation()
            raise
        self._await_confirmation()
        return response

    def _send(self, service: str, operation: str, *, once: bool = False, **params: Any) -> Response:
        from botocore import xform_name

        try:
            with self._translate_errors(service, operation, once=once):
                raw_response = getattr(self._client(service, once=once), xform_name(operation))(**params)
                if stream := raw_response.get("Payload"):  # which may be cut too
                    raw_response["Payload"] = BytesIO(stream.read())
                response = AwsResponse(raw_response, f"{service}:{operation}")
        except AwsError as error:
            self.on_response(service, operation, error)
            raise
        self.on_response(service, operation, None)
        return response

    def confirm(self, check: Callable[[Caller], None]) -> None:
        """Checks the caller's identity while the first requests are under way.

        Until `check` has accepted the caller nothing is written and no answer is given; what it raises is
        raised by every request.
        """
        # In this thread, which Ctrl-C reaches: a person may be asked for a code.
        _ = self._session
        (self._confirmation,) = begin(lambda aws: check(aws.caller), [self], 1)

    def _await_confirmation(self) -> None:
        if self._confirmation is not None:
            result_of(self._confirmation)

    def find(
        self, service: str, operation: str, *, not_found: str | tuple[str, ...] | None, **params: Any
    ) -> Response | None:
        """Sends a reading request; None for one of the exact codes that mean "no such thing"."""
        try:
            return self.call(service, operation, **params)
        except AwsError as error:
            if error.code in ((not_found,) if isinstance(not_found, str) else not_found or ()):
                return None
            raise

    def paginate(self, service: str, operation: str, key: str, **params: Any) -> Iterator[Any]:
        """Every item under `key`, over all pages."""
        from botocore import xform_name

        try:
            with self._translate_errors(service, operation):
                for page in self.client(service).get_paginator(xform_name(operation)).paginate(**params):
                    self._await_confirmation()
                    yield from AwsResponse(page, f"{service}:{operation}").get(key) or []
        except (AwsError, Failure):
            self._await_confirmation()
            raise

    def with_shared_lists(self) -> Aws:
        """For one look at everything: the same AWS, of which `list_all` asks for each list once."""
        _ = self._session  # made here, or each would make its own
        view = copy(self)
        view._shared = SharedReads()  # noqa: SLF001 (it is of this class)
        return view

    def list_all(self, service: str, operation: str, key: str, **params: Any) -> Sequence[Any]:
        """As `paginate`, all at once; several resources that need the same list in one look share it."""

        def read() -> Sequence[Any]:
            return list(self.paginate(service, operation, key, **params))

        if self._shared is None:
            return read()
        return self._shared.get(json.dumps([service, operation, key, params], sort_keys=True), read)

    def tagged(self, tags: Mapping[str, str], kind: str | None = None) -> dict[str, dict[str, str]]:
        """What the tag index lists under all of the tags: each ARN with all its tags.

        The index lags behind by some minutes, and does not list every kind: IAM roles, for one.
        """
        index = self.paginate(
            "resourcegroupstaggingapi",
            "GetResources",
            "ResourceTagMappingList",
            TagFilters=[{"Key": key, "Values": [value]} for key, value in tags.items()],
            **({"ResourceTypeFilters": [kind]} if kind else {}),
        )
        return {entry["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in entry["Tags"]} for entry in index}

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> list[R]:
        """Calls `function` with each item at the same time and gives the results in their order.

        The first that fails, or an interruption, ends it: the others' answers are not waited for.
        """
        return map_in_threads(function, items, CONNECTIONS)

    def gather(self, *reads: Callable[[], Any]) -> list[Any]:
        """Makes independent reads at the same time and gives their results in order, as `map` does."""
        return self.map(lambda read: read(), reads)

    @cached_property
    def caller(self) -> Caller:
        """Whose credentials these are; one request."""
        try:
            response = self._send("sts", "GetCallerIdentity")
        except AwsError as error:
            error.purpose = "asking whose credentials these are"
            raise
        return Caller(account=response["Account"], arn=response["Arn"])

    @cached_property
    def partition(self) -> str:
        """aws, aws-cn, aws-us-gov, …: the region's; of a region that botocore does not know, the caller's."""
        from botocore.exceptions import UnknownRegionError

        try:
            return str(self._session.get_partition_for_region(self.region))
        except UnknownRegionError:
            return self.caller.partition
