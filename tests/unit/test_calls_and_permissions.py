"""What a resource sends it declares, so that the printed policies are enough for it; no AWS is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cryptoctl.alarm_settings import AlarmSettings
from cryptoctl.ops.permissions import Purpose, needed_permissions
from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.call import Call
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.security_settings import SecuritySettings
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import Stack
from hostile.scripted import sent_by
from live import WITH_A_SENDER
from permissions.authorization import ACTIONS, TAGGED_AS_MADE
from unit.answers import ACCOUNT, SCOPE, STACK

CODE = Code(zip_bytes=b"", sha256="")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
# Whatever only some configurations have, and whatever makes a resource send more.
WHOLE = replace(
    WITH_A_SENDER,
    alarms=AlarmSettings(),
    alert_subscribers=("somebody@example.org",),
    permissions_boundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary",
    log_retention_days="never expire",
    security=SecuritySettings(customer_key=KEY),
)


def resources() -> list[Provisioner]:
    """All kinds, as they come and with all settings."""
    return [*Stack(SCOPE, EnvironmentSettings(), CODE), *Stack(SCOPE, WHOLE, CODE)]


@pytest.mark.parametrize("resource", resources(), ids=str)
def test_each_call_that_a_resource_sends_is_among_its_permissions(resource: Provisioner) -> None:
    declared = {permission.action for permission in resource.permissions()}
    operations = {f"{call.service}:{call.operation}" for call in sent_by(resource) if isinstance(call, Call)}
    actions = {ACTIONS.get(operation, operation) for operation in operations}
    assert actions | {TAGGED_AS_MADE[action] for action in actions & TAGGED_AS_MADE.keys()} <= declared


@pytest.mark.parametrize("purpose", list(Purpose))
def test_the_tags_of_every_function_may_be_read(purpose: Purpose) -> None:
    """Without that right Lambda leaves the tags out, and nothing says whose the function is."""
    readable = {
        resource
        for permission in needed_permissions(STACK, purpose)
        if permission.action == "lambda:ListTags" and not permission.condition
        for resource in permission.resources
    }
    assert readable == {function.arn for function in STACK.functions}
