"""What an alarm tells a person to type works also where the AWS configuration names another region."""

from __future__ import annotations

import pytest

from cryptoctl.provisioners.alarm import Alarm
from unit.answers import STACK


@pytest.mark.parametrize("alarm", STACK.alarms, ids=lambda alarm: alarm.name)
def test_the_command_names_environment_and_region(alarm: Alarm) -> None:
    scope = STACK.scope
    # It stands in the message that clears it, too.
    assert alarm.description.startswith(f"When it is raised: {alarm.meaning}")
    assert alarm.description.endswith(f" --env {scope.environment} --region {scope.region}` shows more.")
