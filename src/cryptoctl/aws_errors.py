"""What AWS refuses: the error with its exact code, and what a person does next about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptoctl.errors import ExitCode, Failure

RESPONSE_LOST = "ResponseLost"
# Every service has a code of its own; most of them botocore repeats by itself, unless a request must not be
# repeated blindly.
THROTTLED = frozenset(
    (
        *("BandwidthLimitExceeded", "EC2ThrottledException", "KMSThrottling", "KMSThrottlingException"),
        *("KmsThrottled", "PriorRequestNotComplete", "ProvisionedThroughputExceededException"),
        *("RequestLimitExceeded", "RequestThrottled", "RequestThrottledException", "SlowDown", "Throttled"),
        *("ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException"),
    )
)


class AwsError(Exception):
    """An error that AWS answered with: its exact code and message, and what was asked.

    `purpose` says what it was asked for, where that is more than the operation's name; `remedies` are
    those of the resource that was read. `endpoint_hint` says what to do where not AWS was asked.
    """

    purpose = endpoint_hint = ""
    remedies: tuple[Remedy, ...] = ()

    def __init__(
        self, *, service: str, operation: str, code: str, message: str, request_id: str | None = None
    ) -> None:
        self.service, self.operation, self.code, self.message = service, operation, code, message
        self.request_id = request_id
        super().__init__(service, operation, code, message)

    def __str__(self) -> str:
        request = f"{self.service}:{self.operation}"
        # A fault inside AWS says as little of what was done as no answer.
        outcome = "gave no clear answer" if self.response_lost else f"answered {self.code}"
        text = f"{request} {outcome}: {one_line(self.message)}".removesuffix(": ")
        return f"{self.purpose}: {text}" if self.purpose else text

    @property
    def response_lost(self) -> bool:
        """Whether no answer came, so that the work may have been done or not."""
        return self.code == RESPONSE_LOST

    @property
    def throttled(self) -> bool:
        """Whether AWS did nothing because it was asked too often."""
        return self.code in THROTTLED

    @property
    def denied(self) -> bool:
        """Whether the caller lacks the right to ask."""
        return self.code in DENIED


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """What a person does next about an error that does not pass: by its exact code and, where the code is
    shared, by the shortest stable piece of its message.

    `operations` narrows it to those requests; empty means all.
    """

    codes: tuple[str, ...]
    contains: str = ""
    operations: tuple[str, ...] = ()
    hint: str

    def matches(self, error: AwsError) -> bool:
        """Whether this remedy is for that error."""
        return (
            error.code in self.codes
            and self.contains.lower() in error.message.lower()
            and (not self.operations or error.operation in self.operations)
        )


def remedy(error: AwsError, resource_remedies: Iterable[Remedy] = ()) -> str:
    """What to do next: the resource's own remedy, else the one that all services share."""
    matching = (
        advice
        for advice in (*resource_remedies, *error.remedies, ENGINE_FAILED, *COMMON)
        if advice.matches(error)
    )
    first_match = next(matching, None)
    if error.endpoint_hint and first_match in (None, FAULT_OF_AWS, NOT_KNOWN):
        return error.endpoint_hint
    return first_match.hint if first_match else _unknown(error)


def forbidden(message: str) -> bool:
    """Whether a refusal names a deny or the organization: no time and no right of the account ends that."""
    return any(phrase in message.lower() for phrase in FORBIDDEN)


def _unknown(error: AwsError) -> str:
    suffix = f" with the request's id, {one_line(error.request_id)}" if error.request_id else ""
    return f"Compare what `cryptoctl plan --verbose` sends with what AWS says, or ask AWS{suffix}."


DENIED = ("AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException")
ORGANIZATIONS = ("service control policy", "resource control policy")
FORBIDDEN = ("explicit deny", *ORGANIZATIONS)
QUOTAS_URL = "https://console.aws.amazon.com/servicequotas"
GONE = (
    *("AWS.SimpleQueueService.NonExistentQueue", "NoSuchEntity", "NotFound", "NotFoundException"),
    *("ResourceNotFound", "ResourceNotFoundException"),
)
DELETED = (
    "Another run or another tool may have deleted it: `cryptoctl plan` shows what is missing, and "
    "`cryptoctl up` creates it."
)
LIMITS = ("LimitExceededException", "LimitExceeded", "ServiceQuotaExceededException")
FULL_OF_TAGS = (
    "A resource may have 50 tags, and others have put theirs on this one: remove one that nobody needs."
)
ENGINE_FAILED = Remedy(
    codes=("InternalFailure",),
    contains="The embedded engine failed",
    hint="`cryptoctl local status` names what does not work, `cryptoctl local logs` says why. "
    "The disk may be full.",
)
FAULT_OF_AWS = Remedy(
    codes=(
        *("InternalError", "InternalFailure", "InternalServerError", "InternalServiceError"),
        *("KMSInternalException", "ServiceException", "ServiceFailure"),
        *("ServiceUnavailable", "ServiceUnavailableException", "500", "502", "503", "504"),
    ),
    hint="The fault is AWS's: https://health.aws.amazon.com shows whether others have it too. "
    "Wait some minutes.",
)
NOT_KNOWN = Remedy(
    codes=(RESPONSE_LOST,),
    hint="It is not known whether AWS did it: that is checked first, and nothing is created twice.",
)
# The screen puts `--for` behind iam-policy, as the command that was denied needs it.
PERMISSION_MISSING = (
    "A permission is missing: run `cryptoctl iam-policy`, and attach that policy to the user or role named "
    "above."
)
FORBIDDEN_BY_ORGANIZATION = (
    "The organization forbids it, whatever this account allows: choose a region or an account where it is "
    "allowed, or ask those who administer the organization."
)
# The first that stands in a denial's message; several policies have to allow it beside the user's or role's.
DENIALS = {
    **dict.fromkeys(ORGANIZATIONS, FORBIDDEN_BY_ORGANIZATION),
    "explicit deny": "An explicit deny overrides every allow: remove it from the policy that the message "
    "names.",
    "permissions boundary allows": "The permissions boundary of the user or role that is named does not "
    "allow it: ask its owner to allow what `cryptoctl iam-policy` prints.",
    "session policy allows": "The session was created with a session policy that does not allow it: create "
    "one without a session policy, or with one that allows what `cryptoctl iam-policy` prints.",
    "VPC endpoint policy allows": "The policy of the VPC endpoint that the request went through does not "
    "allow it: allow it there, or run the command where requests do not go through it.",
    "resource-based policy allows": "The policy of the resource itself does not allow it: ask its owner to "
    "allow it.",
    "": PERMISSION_MISSING,
}
COMMON = (
    *(Remedy(codes=DENIED, contains=part, hint=hint) for part, hint in DENIALS.items()),
    Remedy(
        codes=("TooManyRequestsException",),
        operations=("Invoke",),
        hint="More invocations at once are asked for than the function's reserved concurrency, or the "
        "account's quota, allows: `cryptoctl plan` shows whether somebody has changed it; otherwise wait "
        "some minutes.",
    ),
    Remedy(
        codes=tuple(sorted(THROTTLED)),
        hint="Something else in the account sends too many requests: stop it, or wait some minutes.",
    ),
    FAULT_OF_AWS,
    NOT_KNOWN,
    Remedy(
        codes=("OptInRequired", "SubscriptionRequiredException", "SubscriptionRequired"),
        hint="The account is not yet signed up for that service: finish the account's registration "
        "(a new account may take a day), or use another --profile.",
    ),
    Remedy(
        codes=("RegionDisabledException",),
        hint="Enable the region for the account (Account, AWS Regions), or name another --region.",
    ),
    Remedy(
        codes=("TagLimitExceeded", "TagLimitExceededException", "TooManyTagsError", "TooManyTagsException"),
        hint=FULL_OF_TAGS,
    ),
    Remedy(codes=LIMITS, operations=("TagResource", "TagRole"), hint=FULL_OF_TAGS),
    Remedy(codes=GONE, hint=DELETED),
    Remedy(
        codes=LIMITS,
        hint=f"A quota of the account is reached: remove what is not needed, or ask for more ({QUOTAS_URL}).",
    ),
)


# What has an older protocol names that one's code in a header, which a simulator may leave out.
_OLDER_CODES = {
    ("cloudwatch", "DashboardNotFoundError"): "ResourceNotFound",
    ("sns", "NotFoundException"): "NotFound",
    ("sqs", "QueueDoesNotExist"): "AWS.SimpleQueueService.NonExistentQueue",
    ("sqs", "QueueNameExists"): "QueueAlreadyExists",
    ("sqs", "QueueDeletedRecently"): "AWS.SimpleQueueService.QueueDeletedRecently",
}


def refusal(
    service: str, operation: str, response: Mapping[str, Any], *, endpoint_hint: str = ""
) -> Exception:
    """The exception for an error response: Failure where AWS refuses the credentials, else AwsError.

    `endpoint_hint` says what to do where not AWS was asked.
    """
    error = response.get("Error") or {}
    code, message = str(error.get("Code", "Unknown")), str(error.get("Message") or "")
    code = _OLDER_CODES.get((service, code), code)
    answer = f"{service}:{operation} answered {code}: {one_line(message)}"
    if any(phrase in message.lower() for phrase in _WRONG_TIME) or code in _WRONG_TIME:
        return Failure(
            ExitCode.CREDENTIALS,
            f"AWS does not accept the time of the request ({answer}).",
            "This machine's clock is wrong: let NTP set it.",
        )
    if code in _BAD_CREDENTIALS:
        region = " A region that the account has not enabled answers like this too: name another --region. "
        return Failure(
            ExitCode.CREDENTIALS,
            f"AWS does not accept the credentials ({answer}).",
            "Sign in again (for example `aws sso login`), name another --profile, or add --local to work on "
            f"this machine.{'' if code.startswith('Expired') else region + endpoint_hint}".rstrip(),
        )
    request_id = (response.get("ResponseMetadata") or {}).get("RequestId")
    aws_error = AwsError(
        service=service, operation=operation, code=code, message=message, request_id=request_id
    )
    aws_error.endpoint_hint = endpoint_hint
    return aws_error


_WRONG_TIME = ("signature expired", "signature not yet current", "RequestTimeTooSkewed", "RequestExpired")
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
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "AuthFailure",
    }
)


def one_line(text: str) -> str:
    """Text from the wire on a single line, so that no part of it passes for a line of ours."""
    return " ".join(text.split())


def without_password(text: str) -> str:
    """The text with every user and password before an `@`, as in a URL, hidden.

    A password may hold `/`, `:` and `@`: rather too much is hidden than too little.
    """
    return "".join(map(_hidden, re.split(r"(\s+)", _UNPARSED.sub(NO_ADDRESS, text))))


def proxy_hint(text: str) -> str:
    """What a person does about an address that `without_password` has taken out; empty where it has not."""
    return "Check HTTPS_PROXY: in a password, # / ? @ are %23 %2F %3F %40." if NO_ADDRESS in text else ""


def _hidden(word: str) -> str:
    before, at, after = word.rpartition("@")
    # The search takes the square of a word's length: so of a very long one all is hidden.
    hidden = _PASSWORD.sub("***@", before + at) if len(before) < 500 else f"***{at}"
    return hidden + after


NO_ADDRESS = "an address cannot be parsed"
# urllib3 repeats what it takes for the host: of http://user:a#b@host it is `user:a`.
_UNPARSED = re.compile(r"Failed to parse: .*", re.DOTALL)
_PASSWORD = re.compile(
    r"""(?<=://)[^/\s@:]*:\S*@"""  # with a scheme
    r"""|(?<=://)[^/\s@]+@"""
    r"""|(?<![^\s"'(=])(?!arn:)[^/\s@:]+:(?!//)\S*@"""  # without one
    r"""|[^/\s@:]+:[^/\s@]*@"""
)
