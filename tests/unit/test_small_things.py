"""Times, screen, settings and files: small rules with sharp edges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptoctl import __version__, last_location, settings_file
from cryptoctl.aws import Aws
from cryptoctl.cli.command import as_failure
from cryptoctl.errors import ExitCode, Failure, PossibleDefect
from cryptoctl.files.outgoing import outgoing
from cryptoctl.last_location import LastLocation
from cryptoctl.ops.times import parse_time_ms
from cryptoctl.settings import Settings, Target
from cryptoctl.ui.screen import Screen, printable

NOW_MS = 1_700_000_000_000


def test_a_request_says_that_it_is_ours_and_whose_application_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SDK_UA_APP_ID", "prices")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    client = Aws(region="eu-west-1").client("sts")
    agents: list[str] = []

    def not_sent(request: Any, **_: Any) -> None:
        agents.append(request.headers["User-Agent"].decode())
        raise InterruptedError

    client.meta.events.register("before-send.sts", not_sent)
    with pytest.raises(InterruptedError):
        client.get_caller_identity()

    assert agents[0].startswith("Boto3/")
    assert agents[0].endswith(f" cryptoctl/{__version__}")
    assert " app/prices " in agents[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", NOW_MS - 600_000),
        ("2h", NOW_MS - 7_200_000),
        ("1699999999", 1_699_999_999_000),
        ("1699999999123", 1_699_999_999_123),
        ("2023-11-14T22:13:20Z", NOW_MS),
        ("2023-11-14T22:13:20", NOW_MS),
    ],
)
def test_moments_are_read_as_people_write_them(text: str, expected: int) -> None:
    assert parse_time_ms(text, NOW_MS) == expected


@pytest.mark.parametrize("text", ["yesterday", "", "10", "-5m", "10 parsecs"])
def test_what_is_no_moment_is_refused_or_is_epoch(text: str) -> None:
    if text.isdigit():
        assert parse_time_ms(text) == int(text) * 1000
    else:
        with pytest.raises(Failure):
            parse_time_ms(text)


@pytest.mark.thorough
@given(st.text())
def test_nothing_from_the_wire_commands_the_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()


def test_what_cannot_be_seen_is_shown_by_its_number() -> None:
    assert printable("B\u200bT\U000e0041C\x9b\n") == r"B\u200bT\U000e0041C\x9b\n"
    assert (
        printable("BTC\u3164 \u115f\u034f\ufe00\U000e0101\u2800")
        == r"BTC\u3164 \u115f\u034f\ufe00\U000e0101\u2800"
    )
    assert printable("Zürich 币安 🚀 Cafe\u0301") == "Zürich 币安 🚀 Cafe\u0301"


@given(
    st.decimals(min_value=Decimal("1e-30"), max_value=Decimal("1e30"), places=8).filter(
        lambda price: price > 0
    ),
    st.text("abcXYZ09", min_size=1, max_size=8),
)
def test_a_price_leaves_with_all_its_digits_and_a_timestamp(price: Decimal, symbol: str) -> None:
    sent = outgoing({"symbol": symbol, "price": str(price), "exchange": "x"}, now_ms=NOW_MS)
    loaded = json.loads(sent.text, parse_float=Decimal, parse_int=Decimal)
    assert loaded["price"] == price
    assert loaded["timestamp"] == NOW_MS
    assert loaded["symbol"] == symbol.upper()


def test_the_environment_is_named_by_flag_then_variable_then_file(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Settings(default_env="fromfile")
    monkeypatch.delenv("CRYPTOCTL_ENV", raising=False)
    assert settings_file.environment_name(None, Settings()) == "dev"
    assert settings_file.environment_name(None, file) == "fromfile"
    monkeypatch.setenv("CRYPTOCTL_ENV", "fromvariable")
    assert settings_file.environment_name(None, file) == "fromvariable"
    assert settings_file.environment_name("fromflag", file) == "fromflag"


def test_the_configuration_is_found_upwards_and_a_named_one_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cryptoctl.toml").write_text("default_env = 'above'", encoding="utf-8")
    (tmp_path / "other.toml").write_text("default_env = 'other'", encoding="utf-8")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    monkeypatch.delenv("CRYPTOCTL_CONFIG", raising=False)
    assert settings_file.load(None).default_env == "above"
    monkeypatch.setenv("CRYPTOCTL_CONFIG", str(tmp_path / "other.toml"))
    assert settings_file.load(None).default_env == "other"


def test_the_note_of_where_an_environment_lives_survives_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    location = LastLocation(target=Target.LOCAL, account="0" * 12)
    last_location.write("dev", location)
    assert last_location.read("dev") == location
    assert last_location.read("prod") is None
    for damage in ("", "[]", '{"dev": {"target": "mars"}}'):
        (tmp_path / "environments.json").write_text(damage, encoding="utf-8")
        assert last_location.read("dev") is None
    last_location.write("dev", location)
    assert last_location.read("dev") == location


def test_somebody_else_s_note_does_not_say_where_an_environment_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory may be shared, as /tmp is: whoever comes first could send a rehearsal to an account."""
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    tmp_path.chmod(0o1777)
    location = LastLocation(target=Target.AWS, account="0" * 12)
    last_location.write("dev", location)
    assert last_location.read("dev") == location
    (tmp_path / "environments.json").chmod(0o664)  # of the person's own group, where the umask is 002
    assert last_location.read("dev") == location
    (tmp_path / "environments.json").chmod(0o666)
    with pytest.raises(Failure, match="somebody else may write to it"):
        last_location.read("dev")
    last_location.write("prod", location)  # an `up` that names its target needs no note
    (tmp_path / "environments.json").chmod(0o600)
    assert last_location.known_environments() == ["dev"]
    user = os.geteuid()
    if user == 0:  # which takes what is whose ever, as in a container with a user's files
        os.chown(tmp_path / "environments.json", 65534, -1)
        assert last_location.read("dev") == location
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(Failure, match="somebody else may write to it"):
        last_location.read("dev")


@pytest.mark.parametrize("name", ["environments.lock", "environments.new"])
def test_a_link_in_the_place_of_the_note_s_files_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    (tmp_path / "state" / name).symlink_to(tmp_path / "precious")
    last_location.write("dev", LastLocation(target=Target.LOCAL, account="0" * 12))
    assert (tmp_path / "precious").read_text(encoding="utf-8") == "mine"


def test_of_runs_that_note_where_environments_live_at_once_none_takes_another_s_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next command for a local environment would go to AWS."""
    monkeypatch.setenv("CRYPTOCTL_STATE_DIR", str(tmp_path))
    names = [f"e{number}" for number in range(32)]
    location = LastLocation(target=Target.LOCAL, account="0" * 12)
    with ThreadPoolExecutor(8) as runs:
        list(runs.map(lambda name: last_location.write(name, location), names))
    assert last_location.known_environments() == sorted(names)


@pytest.mark.process
@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_and_version_import_no_boto3(argument: str) -> None:
    code = (
        "import sys\nfrom cryptoctl.cli import main\nsys.argv = ['cryptoctl', sys.argv[1]]\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name.startswith(('boto', 'ministack')) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, argument], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_hint_that_follows_keeps_where_a_defect_lies(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        try:
            raise PossibleDefect(ExitCode.AWS, "An answer of another form.", "Report it.") from ValueError(
                "why"
            )
        except Failure as error:
            raise as_failure(error, further_hint="Send it again.") from error

    with pytest.raises(Failure) as raised:
        work()
    assert raised.value.hint == "Report it. Send it again."
    Screen(colour=False, verbose=True).traceback(raised.value)
    assert "ValueError: why" in capsys.readouterr().err
