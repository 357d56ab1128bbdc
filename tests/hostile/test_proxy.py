"""The hostile proxy itself: a well-behaved one changes nothing, and its record is true."""

from __future__ import annotations

from collections.abc import Callable

from hostile.world import World


def test_up_and_down_through_the_proxy(world: World, environment: Callable[[], str]) -> None:
    name = environment()
    behaviour = world.proxy.behave()
    world.up(name)
    assert world.plan_is_empty(name)
    seen = {str(entry.request) for entry in behaviour.recorded}
    assert seen >= {"kms:CreateKey", "iam:PutRolePolicy", "sts:GetCallerIdentity"}
    assert world.account.inventory(name)
    world.down(name)
    assert world.account.inventory(name) == {}
