"""What botocore raises, as an error for a person."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from cryptoctl.aws_errors import (
    RESPONSE_LOST,
    AwsError,
    one_line,
    proxy_hint,
    refusal,
    without_password,
)
from cryptoctl.aws_setup import is_aws_endpoint
from cryptoctl.errors import OPEN_FILES_HINT, ExitCode, Failure, out_of_files


@contextlib.contextmanager
def translate_errors(
    service: str,
    operation: str,
    *,
    once: bool = False,
    engine: bool = False,
    client: Callable[[str], Any] | None = None,
    on_end: Callable[[], object] = lambda: None,
) -> Iterator[None]:
    """What boto3 raises, as AwsError or Failure; `engine` says that the embedded engine is asked.

    `client` gives a service's boto3 client, which knows the address. `on_end` is called however it ends.
    """

    def endpoint() -> str:
        return str(client(service).meta.endpoint_url) if client else ""

    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    request = f"{service}:{operation}"
    try:
        yield
    except (BotoCoreError, ClientError, ResponseParserError, HTTPError) as error:
        hint = _simulator_hint(request, endpoint()) if isinstance(error, ClientError) and not engine else ""
        if once and _without_answer(error):
            lost = AwsError(
                service=service, operation=operation, code=RESPONSE_LOST, message=without_password(str(error))
            )
            lost.endpoint_hint = hint
            raise lost from error
        if isinstance(error, ClientError):
            raise refusal(service, operation, error.response, endpoint_hint=hint) from error
        raise failure(error, request, engine=engine, endpoint=endpoint()) from error
    except (OSError, ValueError, EOFError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and type(error) is not RuntimeError:
            raise
        # Credentials that are loaded anew, and may be as old as before. After botocore's own, some of which
        # are OSErrors too.
        raise load_failure(error) from error
    except KeyError as error:  # a role's credentials without a member, say
        no_answer = ResponseParserError(f"no {error} in it")
        raise failure(no_answer, request, engine=engine, endpoint=endpoint()) from error
    finally:
        on_end()


def text_of(error: object) -> str:
    """What an exception says, with what a proxy answered, such as 407: botocore keeps that to itself."""
    answer = getattr(getattr(error, "kwargs", {}).get("error"), "original_error", None)
    return f"{error}: {str(answer).split(': ', 1)[-1]}" if answer else str(error)


def _without_answer(error: Exception) -> bool:
    """Whether the work may have been done or not: no answer came, or only word of a fault inside AWS."""
    from botocore import exceptions as errors

    if isinstance(error, errors.ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, errors.HTTPClientError | errors.ConnectionError)


def load_failure(error: OSError | ValueError | EOFError | RuntimeError) -> Failure:
    """The sentence and the hint for what botocore lets through while it loads credentials."""
    if isinstance(error, EOFError):
        return Failure(
            ExitCode.CREDENTIALS,
            "The profile asks for an MFA code, and there is no terminal to ask for it.",
            "Run the command in a terminal, or sign in before and pass the session's credentials.",
        )
    if isinstance(error, OSError):
        reason, path = error.strerror or str(error), f" {error.filename}" if error.filename else ""
        if out_of_files(error):  # found while anything at all is loaded
            return Failure(
                ExitCode.FAILED,
                f"The AWS client cannot be loaded:{path or ' a file'}: {reason}.",
                OPEN_FILES_HINT,
            )
        return Failure(
            ExitCode.CREDENTIALS,
            f"The AWS credentials cannot be loaded:{path or ' a file'}: {reason}.",
            "The profile or an AWS_… variable names a token file or a credential_process that is not there: "
            "correct it, name another --profile, or add --local to work on this machine.",
        )
    expired = "still expired" in str(error)
    advice = "gives none that are new: sign in again, or" if expired else "does not answer as AWS expects:"
    return Failure(
        ExitCode.CREDENTIALS,
        f"The AWS credentials cannot be loaded: {without_password(one_line(str(error))).rstrip('.')}.",
        f"What gives them (credential_process, or the container's or the web identity's address) {advice} "
        "run it by hand, or name another --profile.",
    )


def endpoint_settings(request: str) -> str:
    """What may send a request elsewhere than to AWS, in the order in which it counts."""
    from botocore.utils import CLIENT_NAME_TO_HYPHENIZED_SERVICE_ID_OVERRIDES as SERVICE_IDS

    # What is asked before there is a request is a role.
    service = request.partition(":")[0] or "sts"
    service_id = SERVICE_IDS.get(service, service).replace("-", "_").upper()
    return f"AWS_ENDPOINT_URL_{service_id}, AWS_ENDPOINT_URL or `endpoint_url` in the AWS configuration"


def _simulator_hint(request: str, endpoint: str) -> str:
    """What a person does where another address answered, a simulator's mostly; empty where AWS's own did."""
    if not endpoint or is_aws_endpoint(endpoint):
        return ""
    return (
        f"The request went to {without_password(endpoint)}, which is not AWS's own address "
        f"({endpoint_settings(request)}): {request} may be missing there. The embedded engine (--local) has "
        "all that cryptoctl needs."
    )


def _endpoint_hint(error: Exception, request: str, *, engine: bool) -> str:
    """What a person does where the request went elsewhere than to AWS; empty where it did not."""
    if engine:
        commands = "`cryptoctl local stop`, then `cryptoctl local start`"
        return f"The embedded engine does not answer as it should: run {commands}."
    endpoint = getattr(error, "kwargs", {}).get("endpoint_url")
    if not endpoint or is_aws_endpoint(endpoint):
        return ""
    return (
        f"The address is not AWS's; it is set by {endpoint_settings(request)}: start what should answer "
        "there, or remove that setting."
    )


def failure(error: Exception, request: str = "", *, engine: bool = False, endpoint: str = "") -> Failure:
    """The sentence and the hint for an exception of botocore; `request` is a `service:operation`."""
    from botocore import exceptions as errors
    from botocore.parsers import ResponseParserError
    from urllib3.exceptions import HTTPError

    to = f" to {request}" if request else ""
    endpoint_hint = _endpoint_hint(error, request, engine=engine)
    kinds: tuple[tuple[Any, ExitCode, str, str], ...] = (
        (
            ResponseParserError | errors.PaginationError,
            ExitCode.UNREACHABLE,
            f"What answered{to} is not AWS ({{}}).",
            endpoint_hint
            or _simulator_hint(request, endpoint)
            or f"Check the proxy, the region, and {endpoint_settings(request)}.",
        ),
        (
            errors.NoCredentialsError
            | errors.PartialCredentialsError
            | errors.CredentialRetrievalError
            | errors.RefreshWithMFAUnsupportedError,
            ExitCode.CREDENTIALS,
            "No usable AWS credentials were found ({}).",
            "Set AWS_PROFILE or sign in, or add --local to work on this machine without an account.",
        ),
        (errors.ProfileNotFound, ExitCode.CREDENTIALS, "{}.", "`aws configure list-profiles` lists them."),
        (
            errors.TokenRetrievalError | errors.SSOTokenLoadError | errors.UnauthorizedSSOTokenError,
            ExitCode.CREDENTIALS,
            "The sign-in has expired ({}).",
            "Run `aws sso login`.",
        ),
        (
            errors.LoginError,
            ExitCode.CREDENTIALS,
            "The sign-in has expired ({}).",
            "Run `aws login`.",
        ),
        (
            errors.MissingDependencyException,
            ExitCode.CREDENTIALS,
            "The profile signs in with `aws login`, for which a package is missing ({}).",
            """Install `botocore[crt]` beside cryptoctl, or `eval "$(aws configure export-credentials \
--format env)"`.""",
        ),
        (
            errors.ConfigParseError
            | errors.ConfigNotFound
            | errors.InvalidConfigError
            | errors.InfiniteLoopConfigError
            | errors.SSOError
            | errors.UnknownCredentialError
            | errors.InvalidRetryConfigurationError
            | errors.InvalidDefaultsMode
            | errors.InvalidChecksumConfigError
            | errors.InvalidProxiesConfigError
            | errors.InvalidEndpointConfigurationError
            | errors.InvalidIMDSEndpointError
            | errors.InvalidIMDSEndpointModeError
            | errors.InvalidSTSRegionalEndpointsConfigError,
            ExitCode.USAGE,
            "The AWS configuration cannot be used: {}.",
            "Correct ~/.aws/config (or AWS_CONFIG_FILE) or the AWS_… variable; or use --profile or --local.",
        ),
        (
            errors.InvalidRegionError,
            ExitCode.USAGE,
            "The region's name is not valid ({}).",
            "Name a region such as us-east-1 with --region.",
        ),
        (
            errors.SSLError,
            ExitCode.UNREACHABLE,
            f"No trusted answer came{to}: {{}}.",
            "Check this machine's clock, and AWS_CA_BUNDLE where a proxy opens TLS. "
            f"{endpoint_hint}".rstrip(),
        ),
        (
            errors.ProxyConnectionError,
            ExitCode.UNREACHABLE,
            f"No answer came{to}: {{}}.",
            "Check HTTPS_PROXY and NO_PROXY.",
        ),
        (
            # The last two: within a stream.
            errors.HTTPClientError | errors.ConnectionError | errors.IncompleteReadError | HTTPError,
            ExitCode.UNREACHABLE,
            f"No answer came{to}: {{}}.",
            endpoint_hint or "Check the network and the region.",
        ),
        (
            Exception,
            ExitCode.AWS,
            f"The request{to} could not be made: {{}}.",
            "`cryptoctl plan --verbose` shows what is sent, and `cryptoctl --version` by which version.",
        ),
    )
    problem, sentence, hint = next(kind[1:] for kind in kinds if isinstance(error, kind[0]))
    message = without_password(text_of(error))
    # Of these the later lines say what is wrong; of others they are what came over the wire.
    told_in_lines = isinstance(error, errors.ParamValidationError | errors.CredentialRetrievalError)
    text = (one_line(message) if told_in_lines else message.splitlines()[0]).rstrip(".")
    hint = proxy_hint(text) or hint
    if out_of_files(error):
        text, hint = f"{text}: too many open files", OPEN_FILES_HINT
    return Failure(problem, sentence.replace("{}", text), hint)
