"""The hostile proxy itself: a well-behaved one changes nothing, and its record is true."""

from __future__ import annotations

from collections.abc import Callable

from hostile.world import World


def test_up_and_down_through_the_proxy(world: World, environment: Callable[[], str]) -> None:
    name = environment()
    mood = world.proxy.behave()
    world.up(name)
    assert world.plan_is_empty(name)
    assert {str(e.request) for e in mood.recorded} >= {"kms:CreateKey", "iam:PutRolePolicy", "sts:GetCallerIdentity"}
    there = world.account.inventory(name)
    assert there
    world.down(name)
    assert world.account.inventory(name) == {}
