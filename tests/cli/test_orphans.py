"""What an earlier version has left: shown, removed after asking, gone with `down`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import LAG_ALARM, Cli
from live import Connect

pytestmark = pytest.mark.engine


def test_a_former_queue_and_role_are_shown_and_removed_after_asking(
    local_cli: Callable[[str], Cli], connect: Connect
) -> None:
    name = "formerly"
    cli, aws = local_cli(name), connect(name).aws
    cli.ok("up")
    tags = {"ManagedBy": "cryptoctl", "Environment": name}
    sqs, iam = aws.client("sqs"), aws.client("iam")
    queue, role = f"former-dlq-{name}", f"former-{name}-role"
    sqs.create_queue(QueueName=queue, tags=tags)
    iam.create_role(
        RoleName=role,
        AssumeRolePolicyDocument='{"Statement": []}',
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
    )
    plan = cli("plan", "--exit-code")
    assert f"- queue {queue}  delete: no longer part of the environment" in plan.out
    assert plan.code == 3
    assert states(cli)[f"role {role}"] == "orphaned"
    # What was asked for by name is all that is looked at.
    assert cli("plan", "--exit-code", "--only", f"webhook-processor-dlq-{name}").code == 0
    refused = cli("up")
    assert refused.code == 6
    assert f"would delete queue {queue}, delete role {role}, and there is no terminal to ask" in refused.err
    assert iam.get_role(RoleName=role) and sqs.get_queue_url(QueueName=queue)
    cli.ok("up", "--yes")
    assert [each["RoleName"] for each in iam.list_roles()["Roles"] if each["RoleName"] == role] == []
    assert [url for url in sqs.list_queues()["QueueUrls"] if url.endswith(f"/{queue}")] == []
    assert cli("plan", "--exit-code").code == 0
    sqs.create_queue(QueueName=f"{queue}-2", tags=tags)
    assert f"✓ queue {queue}-2  deleted" in cli.ok("down", "--yes").err
    assert [url for url in sqs.list_queues().get("QueueUrls", ()) if url.endswith(f"{queue}-2")] == []


def test_with_its_function_alone_an_address_goes_before_what_shows_whose_it_is(
    local_cli: Callable[[str], Cli], elsewhere: Path
) -> None:
    name = "address-left"
    file, settings = elsewhere / "cryptoctl.toml", LAG_ALARM.format(name=name)
    file.write_text(f'{settings}[env.{name}.webhook.senders.desk]\npreset = "svix"\n', encoding="utf-8")
    cli = local_cli(name)
    options = ("--only", f"webhook-processor-{name}")
    cli.ok("up", *options)
    file.write_text(settings, encoding="utf-8")
    assert f"- function URL webhook-processor-{name}  delete" in cli.ok("plan", *options).out
    refused = cli("up", "--only", f"function webhook-processor-{name}")
    assert refused.code == 6
    assert f"`cryptoctl plan --only 'function webhook-processor-{name}' --env" in refused.err
    cli.ok("up", "--yes", *options)
    assert "has the address" not in cli.ok("plan").out
    assert cli.ok("plan", *options, "--exit-code").code == 0
    cli.ok("down", "--yes")


def states(cli: Cli) -> dict[str, Any]:
    """How each resource stands."""
    resources = cli.ok("status", "--output", "json").json["resources"]
    return {resource["resource"]: resource["state"] for resource in resources}
