"""What botocore raises, as an error for a person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from cryptoctl.aws_errors import ANSWER_LOST, AwsError, refusal, without_password
from cryptoctl.errors import Failure, Problem


@contextlib.contextmanager
def translated(service: str, operation: str, *, once: bool = False) -> Iterator[None]:
    """What boto3 raises, as AwsError or Failure."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        if once and _without_answer(error):
            raise AwsError(
                service=service, operation=operation, code=ANSWER_LOST, message=without_password(str(error))
            ) from error
        if isinstance(error, ClientError):
            raise refusal(service, operation, error.response) from error
        raise failure(error, f"{service}:{operation}") from error
    except KeyError as error:  # well-formed XML, but not AWS's: a page that asks to sign in, say
        raise failure(ResponseParserError(f"no {error} in it"), f"{service}:{operation}") from error


def _without_answer(error: Exception) -> bool:
    """Whether the work may have been done or not: no answer came, or only word of a fault inside AWS."""
    from botocore import exceptions as known

    if isinstance(error, known.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, known.HTTPClientError | known.ConnectionError)


def failure(error: Exception, asked: str = "") -> Failure:
    """The sentence and the hint for an exception of botocore; `asked` names the request."""
    from botocore import exceptions as known
    from botocore.parsers import ResponseParserError

    to = f" to {asked}" if asked else ""
    kinds: tuple[tuple[Any, Problem, str, str], ...] = (
        (
            ResponseParserError,
            Problem.UNREACHABLE,
            f"What answered{to} is not AWS ({{}}).",
            "Check AWS_ENDPOINT_URL, the proxy and the region.",
        ),
        (
            known.NoCredentialsError
            | known.PartialCredentialsError
            | known.CredentialRetrievalError
            | known.RefreshWithMFAUnsupportedError,
            Problem.CREDENTIALS,
            "No usable AWS credentials were found ({}).",
            "Set AWS_PROFILE or sign in, or add --local to work on this machine without an account.",
        ),
        (
            known.ProfileNotFound,
            Problem.CREDENTIALS,
            "{}.",
            "List the profiles with `aws configure list-profiles`.",
        ),
        (
            known.TokenRetrievalError | known.SSOTokenLoadError | known.UnauthorizedSSOTokenError,
            Problem.CREDENTIALS,
            "The sign-in has expired ({}).",
            "Run `aws sso login`.",
        ),
        (known.InvalidRegionError, Problem.USAGE, "{}.", "Name a region such as us-east-1 with --region."),
        (
            known.SSLError,
            Problem.UNREACHABLE,
            f"No trusted answer came{to}: {{}}.",
            "Check this machine's clock, and AWS_CA_BUNDLE where a proxy opens TLS.",
        ),
        (
            known.ProxyConnectionError,
            Problem.UNREACHABLE,
            f"No answer came{to}: {{}}.",
            "Check HTTPS_PROXY and NO_PROXY.",
        ),
        (
            known.HTTPClientError | known.ConnectionError,
            Problem.UNREACHABLE,
            f"No answer came{to}: {{}}.",
            "Check the network and the region; the embedded engine: `cryptoctl local stop` and `start`.",
        ),
        (
            Exception,
            Problem.AWS,
            f"The request{to} could not be made: {{}}.",
            "`cryptoctl plan --verbose` shows what is sent, and `cryptoctl --version` by which version.",
        ),
    )
    problem, sentence, hint = next(kind[1:] for kind in kinds if isinstance(error, kind[0]))
    text = without_password(str(error)).splitlines()[0].rstrip(".")
    return Failure(problem, sentence.replace("{}", text), hint)
