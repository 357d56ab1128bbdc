"""What an earlier version has left: shown, removed after asking, gone with `down`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import LAG_ALARM, Cli
from live import Connect

pytestmark = pytest.mark.engine


def test_a_former_queue_and_role_are_shown_and_removed_after_asking(day: Cli, connect: Connect) -> None:
    name = day.ok("outputs", "--output", "json").json["environment"]
    aws = connect(name).aws
    tags = {"ManagedBy": "cryptoctl", "Environment": name}
    sqs, iam = aws.client("sqs"), aws.client("iam")
    queue, role = f"former-dlq-{name}", f"former-{name}-role"
    sqs.create_queue(QueueName=queue, tags=tags)
    iam.create_role(
        RoleName=role,
        AssumeRolePolicyDocument='{"Statement": []}',
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    assert f"- queue {queue}  delete: no longer part of the environment" in day.ok("plan").out
    assert day("plan", "--exit-code").code == 3
    assert states(day)[f"role {role}"] == "orphaned"
    # What was asked for by name is all that is looked at.
    assert day("plan", "--exit-code", "--only", f"webhook-processor-dlq-{name}").code == 0
    refused = day("up")
    assert refused.code == 6
    assert f"would delete queue {queue}, delete role {role}, and there is no terminal to ask" in refused.err
    assert states(day)[f"role {role}"] == "orphaned"
    day.ok("up", "--yes")
    assert states(day).keys().isdisjoint({f"queue {queue}", f"role {role}"})
    assert day("plan", "--exit-code").code == 0
    sqs.create_queue(QueueName=f"{queue}-2", tags=tags)
    assert f"✓ queue {queue}-2  deleted" in day.ok("down", "--yes").err
    assert [url for url in sqs.list_queues().get("QueueUrls", ()) if url.endswith(f"{queue}-2")] == []
    day.ok("up")


def test_with_its_function_alone_an_address_goes_before_what_shows_whose_it_is(
    local_cli: Callable[[str], Cli], elsewhere: Path
) -> None:
    name = "address-left"
    file, settings = elsewhere / "cryptoctl.toml", LAG_ALARM.format(name=name)
    file.write_text(f'{settings}[env.{name}.webhook.senders.desk]\npreset = "svix"\n', encoding="utf-8")
    cli = local_cli(name)
    cli.ok("up")
    file.write_text(settings, encoding="utf-8")
    options = ("--only", f"webhook-processor-{name}")
    assert f"- function URL webhook-processor-{name}  delete" in cli.ok("plan", *options).out
    refused = cli("up", "--only", f"function webhook-processor-{name}")
    assert refused.code == 6
    assert f"`cryptoctl plan --only 'function webhook-processor-{name}' --env" in refused.err
    cli.ok("up", "--yes", *options)
    assert "has the address" not in cli.ok("plan").out
    assert cli.ok("plan", *options, "--exit-code").code == 0
    cli.ok("down", "--yes")


def states(day: Cli) -> dict[str, Any]:
    """How each resource stands."""
    resources = day.ok("status", "--output", "json").json["resources"]
    return {resource["resource"]: resource["state"] for resource in resources}
