"""What `doctor` says of its checks."""

from __future__ import annotations

import pytest

from cryptoctl.ops.doctor import unknown
from cryptoctl.ui.screen import Screen
from cryptoctl.ui.status import checks_document, show_checks


def test_the_commands_in_what_a_check_has_found_ask_where_doctor_has_asked(
    capsys: pytest.CaptureFixture[str],
) -> None:
    screen = Screen(
        colour=False,
        options={"--local": ""},
        aws_options=lambda: {"--endpoint-url": "http://127.0.0.1:1"},
    )
    check = unknown("attention", "`aws lambda remove-permission` ends it, `cryptoctl up` does not")
    show_checks(screen, [check])
    told = "`aws lambda remove-permission --endpoint-url http://127.0.0.1:1` ends it, `cryptoctl up --local`"
    assert told in " ".join(capsys.readouterr().out.split())
    assert told in checks_document(screen, [check])[0]["detail"]
