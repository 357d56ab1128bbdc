"""A shell in which AWS_REGION is not set must not look for an environment where it is not."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from cryptoctl import last_location
from cryptoctl.errors import ExitCode, Failure
from cryptoctl.last_location import LastLocation
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, Settings, Target
from unit.answers import ACCOUNT, SCOPE
from unit.aws_variables import only_credentials


@pytest.fixture(autouse=True)
def brought_up_in_frankfurt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By an earlier command; now there are credentials, and nothing names a region."""
    only_credentials(monkeypatch, tmp_path)
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    monkeypatch.setattr("cryptoctl.aws.Aws.confirm", lambda *_: None)
    note("eu-central-1")


def note(region: str | None, account: str = ACCOUNT, target: Target = Target.AWS) -> None:
    last_location.write("dev", LastLocation(target=target, account=account, region=region))


def region(config: EnvironmentSettings | None = None, **options: str) -> str:
    session = Session(SessionOptions(environment="dev", target=Target.AWS, **options))  # type: ignore[arg-type]
    session.__dict__ |= {"settings": Settings(env={"dev": config or EnvironmentSettings()})}
    return session.aws.region


def refused() -> Failure:
    with pytest.raises(Failure) as raised:
        region()
    return raised.value


def test_where_nothing_names_a_region_another_one_is_refused() -> None:
    failure = refused()
    assert failure.exit_code is ExitCode.USAGE
    assert "dev was last brought up in eu-central-1" in failure.message
    assert "this would work in us-east-1, the default" in failure.message
    assert "--region eu-central-1" in (failure.hint or "")


def test_a_profile_that_was_not_made_for_the_environment_is_told(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nregion = sa-east-1\n", encoding="utf-8")
    assert "this would work in sa-east-1, as the AWS profile says" in refused().message
    (tmp_path / "config").write_text("[default]\nregion = eu-central-1\n", encoding="utf-8")
    assert region() == "eu-central-1"


def test_whoever_names_a_region_is_taken_at_their_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert region(region="us-west-2") == "us-west-2"
    assert region(EnvironmentSettings(region="us-west-1")) == "us-west-1"
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    assert region() == "ap-south-1"


@pytest.mark.parametrize(
    ("where", "account", "target"),
    [
        (None, ACCOUNT, Target.AWS),
        ("eu-central-1", "9" * 12, Target.AWS),
        ("eu-central-1", ACCOUNT, Target.LOCAL),
    ],
    ids=["not noted", "another account's", "on this machine"],
)
def test_a_note_of_something_else_says_nothing(where: str | None, account: str, target: Target) -> None:
    note(where, account, target)
    assert region(EnvironmentSettings(account_id=ACCOUNT)) == "us-east-1"


def test_what_is_no_note_of_a_region_is_none(tmp_path: Path) -> None:
    file = tmp_path / "environments.json"
    file.write_text('{"dev": {"target": "aws", "account": "1"}}', encoding="utf-8")
    assert last_location.read("dev") == LastLocation(target=Target.AWS, account="1")
    file.write_text('{"dev": {"target": "aws", "account": "1", "region": ""}}', encoding="utf-8")
    assert last_location.read("dev") == LastLocation(target=Target.AWS, account="1")


def test_up_notes_the_region() -> None:
    session = Session(SessionOptions(environment="dev", target=Target.AWS))
    session.__dict__ |= {"scope": SCOPE}
    session.save_last_location()
    assert last_location.read("dev") == LastLocation(target=Target.AWS, account=ACCOUNT, region=SCOPE.region)


@pytest.mark.parametrize("target", [Target.AWS, Target.LOCAL])
def test_to_list_all_environments_it_does_not_matter_where_one_of_them_is(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirmed = list[object]()
    monkeypatch.setattr("cryptoctl.aws.Aws.confirm", lambda _, check: confirmed.append(check))
    monkeypatch.setattr(Session, "_engine_aws", Session._real_aws)
    session = Session(SessionOptions(target=target), every_environment=True)
    pinned = EnvironmentSettings(account_id="9" * 12)
    session.__dict__ |= {"settings": Settings(env={"dev": pinned})}
    assert (session.aws.region, confirmed) == ("us-east-1", [])


def test_a_hint_that_cannot_be_written_leaves_no_file_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(path: Path, _: Path) -> Path:
        assert path.stat().st_size
        raise OSError(errno.ENOSPC, "No space left on device")

    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(Path, "replace", full)
    note("us-west-2")
    assert sorted(tmp_path.iterdir()) == before
