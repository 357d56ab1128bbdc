"""The caller's AWS configuration, as it can be: one sentence, the right exit code, the right hint."""

from __future__ import annotations

import errno
import getpass
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import (
    ConfigNotFound,
    ConfigParseError,
    ParamValidationError,
    SSOError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
    UnknownCredentialError,
)

from cryptoctl.aws import AccessKey, Aws
from cryptoctl.aws_errors import AwsError, refusal
from cryptoctl.botocore_errors import failure, load_failure, translate_errors
from cryptoctl.cli.command import as_failure
from cryptoctl.errors import OPEN_FILES_HINT, ExitCode, Failure
from cryptoctl.local.errors import EngineError
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Settings, Target

# A credential_process is one.
pytestmark = pytest.mark.process

ROLE = "role_arn=arn:aws:iam::111111111111:role/x\n"
KEYS_OF_Q = "[profile q]\naws_access_key_id=a\naws_secret_access_key=b\n"
Configured = Callable[[str], None]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configured:
    """Writes the profile `p`, the only configuration that there is."""

    def write(text: str) -> None:
        (tmp_path / "config").write_text(f"[profile p]\n{text}", encoding="utf-8")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_PROFILE", "p")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    return write


def refused() -> Failure:
    with pytest.raises(Failure) as raised:
        _ = Aws(region="us-east-1").caller
    return raised.value


BAD_TIME = '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"x"}'
EXPIRED = BAD_TIME.replace('"x"', '"2020-01-01T00:00:00Z","SessionToken":"c"')
LOADED = (ExitCode.CREDENTIALS, "The AWS credentials cannot be loaded")
MISCONFIGURED = (ExitCode.USAGE, "The AWS configuration cannot be used")
CASES = {
    "token file": (f"{ROLE}web_identity_token_file=/nope/token\n", LOADED, "/nope/token: No such file"),
    "no process": ("credential_process=/nope/x\n", LOADED, "/nope/x: No such file"),
    "junk": ("credential_process=/bin/echo hello\n", LOADED, "Expecting value"),
    "quotes": ("credential_process=/bin/echo 'x\n", LOADED, "No closing quotation"),
    "bad time": (
        f"credential_process=/bin/echo '{BAD_TIME}'\n",
        LOADED,
        "Unknown string format",
    ),
    "a space": (
        "aws_access_key_id=a b\naws_secret_access_key=c\n",
        LOADED,
        "a space or a line break in a key",
    ),
    "process fails": (
        "credential_process=/bin/false\n",
        (ExitCode.CREDENTIALS, "No usable AWS credentials were found"),
        "custom-process",
    ),
    "process fails in two lines": (
        "credential_process=/bin/sh -c 'printf \"It has expired:\\nuse corp-login\" >&2; exit 1'\n",
        (ExitCode.CREDENTIALS, "No usable AWS credentials were found"),
        "It has expired: use corp-login",
    ),
    "unparsable": ("[\n", MISCONFIGURED, "Unable to parse config file"),
    "sso-session": ("sso_session=nope\nsso_account_id=1\nsso_role_name=r\n", MISCONFIGURED, "nope"),
    "loop": (
        f"{ROLE}source_profile=q\n[profile q]\n{ROLE}source_profile=p\n",
        MISCONFIGURED,
        "Infinite loop",
    ),
    "source": (f"{ROLE}source_profile=zzz\n", MISCONFIGURED, '"zzz" referenced in the profile "p"'),
    "a list": (
        "credential_process=/bin/echo []\n",
        LOADED,
        "they have another form than AWS's",
    ),
    "an empty process": ("credential_process=\n", LOADED, "they have another form than AWS's"),
    "expired": (f"credential_process=/bin/echo '{EXPIRED}'\n", LOADED, "still expired"),
    "login": (
        "login_session=arn:aws:iam::111111111111:user/x\nregion=us-east-1\n",
        (ExitCode.CREDENTIALS, "The profile signs in with `aws login`"),
        "",
    ),
}


@pytest.mark.parametrize(("text", "kind", "detail"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_with_a_profile_is_one_sentence(
    configured: Configured, text: str, kind: tuple[ExitCode, str], detail: str
) -> None:
    configured(text)
    failure = refused()
    assert (failure.exit_code, failure.message[: len(kind[1])]) == kind
    assert detail in failure.message
    assert failure.hint


def test_an_mfa_code_that_nobody_can_type_is_said_so() -> None:
    failure = load_failure(EOFError())
    assert failure.exit_code is ExitCode.CREDENTIALS
    assert "MFA code" in failure.message


def test_without_a_terminal_no_mfa_code_is_asked_for(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own question would come with warnings, and read the code from a file or a pipe."""
    configured(f"{ROLE}mfa_serial=arn:aws:iam::111111111111:mfa/x\nsource_profile=q\n{KEYS_OF_Q}")

    def prompted(_: str) -> str:
        warnings.warn("no terminal", getpass.GetPassWarning, stacklevel=2)
        raise AssertionError("it was asked for")

    monkeypatch.setattr(getpass, "getpass", prompted)
    failure = refused()
    assert failure.exit_code is ExitCode.CREDENTIALS
    assert "there is no terminal" in failure.message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_STS_REGIONAL_ENDPOINTS", "foo"),
        ("AWS_DEFAULTS_MODE", "foo"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "foo"),
        ("AWS_ACCOUNT_ID_ENDPOINT_MODE", "foo"),
        ("AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES", "foo"),
    ],
)
def test_a_variable_that_botocore_does_not_take_is_a_matter_of_configuration(
    configured: Configured, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    configured("aws_access_key_id=a\naws_secret_access_key=b\n")
    monkeypatch.setenv(variable, value)
    failure = refused()
    assert (failure.exit_code, failure.message[: len(MISCONFIGURED[1])]) == MISCONFIGURED
    assert "AWS_… variable" in (failure.hint or "")


def test_too_many_open_files_are_no_matter_of_credentials() -> None:
    failure = load_failure(OSError(errno.EMFILE, "Too many open files", "data/kms"))
    assert failure.exit_code is ExitCode.FAILED
    assert failure.message == "The AWS client cannot be loaded: data/kms: Too many open files."
    assert "`ulimit -n 1024`" in (failure.hint or "")


def test_too_many_open_files_are_no_matter_of_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    aws = Aws(
        region="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        credentials=AccessKey(access_key="a", secret_key="b"),
        attempts=1,
    )
    monkeypatch.setattr("urllib3.util.connection.create_connection", refuse)
    with pytest.raises(Failure, match=r"No answer .*: too many open files") as raised:
        _ = aws.caller
    assert raised.value.hint == OPEN_FILES_HINT


def test_too_many_open_files_lead_to_the_limit_whatever_was_being_done() -> None:
    no_more = OSError(errno.EMFILE, "Too many open files", "engine.lock")
    error = EngineError("Looking for the engine: too many open files.", hint="Make the directory writable.")
    error.__cause__ = no_more
    assert as_failure(error).hint == as_failure(no_more).hint == OPEN_FILES_HINT
    further = as_failure(error, further_hint="Send it again.")
    further.__cause__ = error
    assert as_failure(further).hint == f"{OPEN_FILES_HINT} Send it again."


def test_credentials_that_expire_while_a_command_runs_are_told_as_such() -> None:
    with (
        pytest.raises(Failure, match="The AWS credentials cannot be loaded") as raised,
        translate_errors("s", "O"),
    ):
        raise RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired.")
    assert raised.value.exit_code is ExitCode.CREDENTIALS
    assert "sign in again" in raised.value.hint


def test_what_botocore_refuses_to_send_is_told_with_its_reason() -> None:
    failed = failure(
        ParamValidationError(report="Unknown parameter in input: Tags"), "cloudwatch:PutDashboard"
    )
    assert "Parameter validation failed: Unknown parameter in input: Tags" in failed.message


@pytest.mark.parametrize(("code", "of_the_region"), [("ExpiredToken", False), ("InvalidClientTokenId", True)])
def test_only_credentials_that_are_unknown_may_be_a_matter_of_the_region(
    code: str, of_the_region: bool
) -> None:
    error = refusal(
        "sts", "GetCallerIdentity", {"Error": {"Code": code, "Message": "m"}}, endpoint_hint="It."
    )
    assert isinstance(error, Failure)
    assert ("A region that the account has not enabled" in error.hint) is of_the_region
    assert error.hint.endswith("--region. It." if of_the_region else "work on this machine.")


def test_nothing_of_it_disturbs_an_engine(configured: Configured) -> None:
    configured("credential_process=/nope/x\n[\n")
    aws = Aws(
        region="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        credentials=AccessKey(access_key="a", secret_key="b"),
    )
    assert aws.client("sqs").meta.region_name == "us-east-1"
    assert not aws.has_shared_quotas


def test_a_command_for_the_engine_takes_no_region_from_the_users_aws(configured: Configured) -> None:
    configured("credential_process=/nope/x\nregion=sa-east-1\n")
    session = Session(SessionOptions(environment="dev", target=Target.LOCAL))
    made_up = SimpleNamespace(access_key="a", secret_key="b")
    engine = SimpleNamespace(
        status=lambda: SimpleNamespace(url="http://127.0.0.1:9"),
        credentials=lambda _: made_up,
        responds=lambda _: True,
        other_code=tuple,
    )
    session.__dict__ |= {"settings": Settings(), "last_location": None, "engine": engine}
    assert (session.aws.region, session.aws.client("sqs").meta.region_name) == ("us-east-1", "us-east-1")


def test_no_proxy_comes_between_a_command_and_an_engine(
    configured: Configured, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured("")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:10")
    made_up = AccessKey(access_key="a", secret_key="b")
    client = Aws(endpoint_url="http://127.0.0.1:9", credentials=made_up).client("sqs")
    assert client.meta.config.proxies == {}


@pytest.mark.parametrize(
    "error",
    [
        SSOTokenLoadError(error_msg="no token"),
        UnauthorizedSSOTokenError(),
        TokenRetrievalError(provider="sso", error_msg="expired"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_sign_in_that_has_expired_says_how_to_sign_in_again(error: Exception) -> None:
    failed = failure(error)
    assert (failed.exit_code, failed.hint) == (ExitCode.CREDENTIALS, "Run `aws sso login`.")
    assert failed.message.startswith("The sign-in has expired")


@pytest.mark.parametrize(
    "error",
    [
        SSOError(),
        UnknownCredentialError(name="x"),
        ConfigNotFound(path="/nope"),
        ConfigParseError(path="/nope", error="x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_configuration_that_botocore_cannot_use_is_a_matter_of_configuration(error: Exception) -> None:
    failed = failure(error)
    assert (failed.exit_code, failed.message[: len(MISCONFIGURED[1])]) == MISCONFIGURED


def test_aws_region_comes_before_the_other_ways_to_name_it(
    configured: Configured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configured("aws_access_key_id=a\naws_secret_access_key=b\nregion=sa-east-1\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")

    def region(**choice: str) -> str:
        return Session(SessionOptions(target=Target.AWS, **choice))._real_aws().region  # type: ignore[arg-type]

    assert region() == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1\n")
    assert region() == "eu-west-1"
    assert region(region="ca-central-1") == "ca-central-1"
    monkeypatch.delenv("AWS_REGION")
    assert region() == "ap-south-1"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert region() == "sa-east-1"


@pytest.mark.parametrize(
    ("service", "newer", "older"),
    [
        ("cloudwatch", "DashboardNotFoundError", "ResourceNotFound"),
        ("sns", "NotFoundException", "NotFound"),
        ("sqs", "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"),
        ("sqs", "QueueNameExists", "QueueAlreadyExists"),
        ("sqs", "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"),
    ],
)
def test_an_error_has_one_code_whether_or_not_a_header_names_the_older(
    service: str, newer: str, older: str
) -> None:
    error = refusal(service, "AnyOperation", {"Error": {"Code": newer, "Message": "m"}})
    assert isinstance(error, AwsError) and error.code == older
    error = refusal("lambda", "GetFunction", {"Error": {"Code": newer, "Message": "m"}})
    assert isinstance(error, AwsError) and error.code == newer
