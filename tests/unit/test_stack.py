"""What the configuration makes of the stack."""

from __future__ import annotations

from pathlib import Path

import pytest

from cryptoctl import settings_file
from cryptoctl.provisioners.alarm import Alarm
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


def alarms(stack: Stack) -> dict[str, tuple[str, int]]:
    return {
        resource.name: (resource.metric.name, resource.threshold)
        for resource in stack
        if isinstance(resource, Alarm)
    }


def test_alarms_are_there_and_each_can_be_switched_off(tmp_path: Path) -> None:
    assert alarms(stack(tmp_path, "alarms.enabled = false\nalarms.errors = 5\n")) == {}
    functions = ("webhook-processor", "price-enricher", "error-notifier")
    text = "alarms = { errors = 5, lag_s = 30 }\n"
    assert alarms(stack(tmp_path, text)) == {
        "cryptoctl-dev-webhook-processor-dlq": ("ApproximateNumberOfMessagesVisible", 0),
        "cryptoctl-dev-price-enricher-dlq": ("ApproximateNumberOfMessagesVisible", 0),
        "cryptoctl-dev-price-enricher-lag": ("IteratorAge", 30_000),
        **{f"cryptoctl-dev-{name}-errors": ("Errors", 5) for name in functions},
        **{f"cryptoctl-dev-{name}-throttles": ("Throttles", 0) for name in functions},
    }
    off = 'dead_letters = "off", throttles = "off", errors = "off", lag_s = "off"'
    senders = 'webhook.senders.desk.preset = "standard-webhooks"\n'
    assert alarms(stack(tmp_path, f"alarms = {{ {off} }}\n{senders}")) == {
        "cryptoctl-dev-unauthorized-desk": ("Unauthorized", 60),
        "cryptoctl-dev-unauthorized-unknown": ("Unauthorized", 60),
    }
    assert alarms(stack(tmp_path, f'alarms = {{ unauthorized = "off", {off} }}\n{senders}')) == {}


def test_alarms_that_were_switched_off_are_looked_for(tmp_path: Path) -> None:
    def kinds(stack: Stack) -> set[str]:
        return {resource.kind for resource in stack.unconfigured}

    assert "alarm" not in kinds(stack(tmp_path, ""))
    assert "alarm" in kinds(stack(tmp_path, "alarms.enabled = false\n"))


def test_the_order_in_which_senders_and_what_they_have_stand_in_the_file_makes_no_difference(
    tmp_path: Path,
) -> None:
    def sender(name: str, sources: str, fields: str, constants: str) -> str:
        return (
            f'[env.dev.webhook.senders.{name}]\nscheme = "basic"\nsources = [{sources}]\n'
            f"fields = {{ {fields} }}\nconstants = {{ {constants} }}\n"
        )

    settings = ('"192.0.2.1", "192.0.2.2"', 'symbol = "s", price = "p"', 'exchange = "x", volume = "1"')
    other = ('"192.0.2.2", "192.0.2.1"', 'price = "p", symbol = "s"', 'volume = "1", exchange = "x"')
    first = stack(tmp_path, sender("a", *settings) + sender("b", *other))
    second = stack(tmp_path, sender("b", *settings) + sender("a", *other))
    for resource, same in zip(first, second, strict=True):
        assert (str(resource), repr(resource.desired())) == (str(same), repr(same.desired()))
