"""What the configuration makes of the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptoctl import settings_file
from cryptoctl.provisioners.function import Code
from cryptoctl.stack import Stack
from unit.answers import SCOPE, STACK


def stack(tmp_path: Path, text: str) -> Stack:
    file = tmp_path / "cryptoctl.toml"
    file.write_text(f"[env.dev]\n{text}", encoding="utf-8")
    return Stack(SCOPE, settings_file.load(file).env["dev"], Code(zip_bytes=b"", sha256=""))


def test_the_notifier_reserves_concurrency_only_where_that_is_asked_for(tmp_path: Path) -> None:
    assert STACK.notifier.reserved_concurrency is None
    chosen = stack(tmp_path, "[env.dev.error_notifier]\nreserved_concurrency = 2\n")
    assert chosen.notifier.reserved_concurrency == 2


@pytest.mark.parametrize("days", [400, 3653])
def test_logs_are_kept_as_long_as_cloudwatch_logs_allows(tmp_path: Path, days: int) -> None:
    assert stack(tmp_path, f"log_retention_days = {days}\n").webhook_logs.retention_days == days


def test_a_boundary_is_on_every_role(tmp_path: Path) -> None:
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    chosen = stack(tmp_path, f'permissions_boundary = "{boundary}"\n')
    roles = (chosen.webhook_role, chosen.enricher_role, chosen.notifier_role)
    assert {role.boundary for role in roles} == {boundary}
