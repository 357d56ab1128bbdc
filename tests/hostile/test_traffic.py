"""An `up` while prices flow: none that was acknowledged is lost, whatever `up` changes meanwhile."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from hostile.clients import SOURCE
from hostile.faults import Faults
from hostile.inventory import Account
from hostile.lengths import Windows
from hostile.names import CONFIGURATION
from hostile.traffic import (
    Sender,
    Subscriber,
    account_for,
    flowing,
    rows,
    success_topic,
    unenriched,
)
from hostile.world import World
from kit.waiting import eventually

pytestmark = pytest.mark.engine

WINDOWS = Windows(role=0.3, policy=0.2, table=0.6, function=0.8, mapping=0.4)
BAD_DAY = {"throttled": 0.05, "broken": 0.02, "lost": 0.02, "reset": 0.01}
Change: TypeAlias = Callable[[Account, str], object]
Run: TypeAlias = Callable[..., str]


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A stack through which prices flow."""

    world: World
    name: str
    config: Path
    sender: Sender
    subscriber: Subscriber

    def up(self, release: Run | None = None) -> str:
        """`up` in the midst of it; gives what it told."""
        self.sender.more(5)
        told = (release or self.this_release)(
            "up", "--env", self.name, "--aws", "--yes", "--config", str(self.config)
        )
        self.sender.more(5)
        return told

    def this_release(self, *arguments: str) -> str:
        """A command that must succeed; gives what it told."""
        result = self.world.clients.run(*arguments)
        assert result.code == 0, result.err
        return result.err

    def caught_up(self, since: int = 0) -> None:
        """Waits until what was acknowledged so far, from this number on, is enriched."""
        keys = self.sender.acknowledged[since:]
        eventually(
            lambda: unenriched(self.world.account, self.name).isdisjoint(keys), "the enricher has caught up"
        )


def configured(config: Path, name: str, batch_size: int, max_age_days: int) -> None:
    config.write_text(
        f"[env.{name}.stream]\nwindow_s = 1\nbatch_size = {batch_size}\n"
        f"[env.{name}.webhook_processor]\nmax_age_days = {max_age_days}\n" + CONFIGURATION.format(name=name),
        encoding="utf-8",
    )


@pytest.fixture
def flow(world: World, environment: Callable[[], str], tmp_path: Path) -> Iterator[Flow]:
    """It ends with an account of every price."""
    name, config = environment(), tmp_path / "cryptoctl.toml"
    configured(config, name, batch_size=10, max_age_days=36_500)
    world.proxy.behave()
    world.up(name, "--config", str(config))
    subscriber = Subscriber(world.account, success_topic(world.account, name))
    world.proxy.behave(WINDOWS, faults=Faults(throttled=0.03, seed=1))
    with flowing(world.stranger["lambda"], name) as sender:
        yield Flow(world=world, name=name, config=config, sender=sender, subscriber=subscriber)
    account_for(world.account, name, sender, subscriber)
    subscriber.close()


@pytest.fixture(scope="module")
def other_release(world: World, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Another version of cryptoctl, whose functions' code differs by a comment."""
    home = tmp_path_factory.mktemp("other release")
    shutil.copytree(SOURCE, home / "src")
    handlers = home / "src" / "cryptoctl" / "handlers"
    for file in handlers.glob("*.py"):
        file.write_text(file.read_text("utf-8") + "# Another release.\n", encoding="utf-8")
    variables = {**world.clients.variables, "PYTHONPATH": str(home / "src")}

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "cryptoctl", *arguments]
        done = subprocess.run(command, env=variables, cwd=home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


def test_an_up_that_changes_nothing_the_settings_or_the_code_loses_no_price(
    flow: Flow, other_release: Run
) -> None:
    assert "Nothing to do" in flow.up()
    configured(flow.config, flow.name, batch_size=7, max_age_days=36_000)
    err = flow.up()
    assert f"✓ function webhook-processor-{flow.name}  updated" in err
    assert f"✓ stream mapping price-enricher-{flow.name}  updated" in err
    assert flow.up(other_release).count("CodeSha256: ") == 3


def mapping_of(account: Account, name: str) -> str:
    mappings = account["lambda"].list_event_source_mappings(FunctionName=f"price-enricher-{name}")
    return str(mappings["EventSourceMappings"][0]["UUID"])


def switch_mapping_off(account: Account, name: str) -> None:
    account["lambda"].update_event_source_mapping(UUID=mapping_of(account, name), Enabled=False)


def delete_mapping(account: Account, name: str) -> None:
    account["lambda"].delete_event_source_mapping(UUID=mapping_of(account, name))


def delete_enricher(account: Account, name: str) -> None:
    account["lambda"].delete_function(FunctionName=f"price-enricher-{name}")


def delete_role(account: Account, name: str) -> None:
    iam, role = account["iam"], f"price-enricher-{name}-role"
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)


DRIFTS = (switch_mapping_off, delete_mapping, delete_enricher, delete_role)


@pytest.mark.torture
def test_an_up_that_repairs_the_prices_way_loses_none(flow: Flow) -> None:
    for drifts in ((switch_mapping_off, delete_role), (delete_mapping, delete_enricher)):
        for drift in drifts:
            drift(flow.world.account, flow.name)
        err = flow.up()
        assert "✓ stream mapping" in err
        assert "✓ function price-enricher" in err
    refused_without_a_webhook_processor(flow)
    flow.caught_up()
    unenriched_without_a_stream(flow)


@pytest.mark.torture
def test_twenty_repairs_and_changes_on_a_bad_day_lose_no_price(flow: Flow, other_release: Run) -> None:
    dice = random.Random(1)
    for seed in range(20):
        # Anew each time, since what is changed past the proxy is unknown to its windows.
        flow.world.proxy.behave(WINDOWS, faults=Faults(**BAD_DAY, seed=seed))
        for drift in sorted(dice.sample(DRIFTS, dice.randrange(3)), key=DRIFTS.index):
            drift(flow.world.account, flow.name)
        configured(flow.config, flow.name, dice.randrange(1, 50), dice.randrange(30_000, 36_500))
        flow.up(dice.choice([other_release, None]))


def refused_without_a_webhook_processor(flow: Flow) -> None:
    """Nothing is acknowledged meanwhile; what was refused is sent again."""
    flow.world.account["lambda"].delete_function(FunctionName=flow.sender.webhook)
    before = len(flow.sender.acknowledged)
    eventually(lambda: flow.sender.refused["ResourceNotFoundException"] > 3, "refusals")
    assert len(flow.sender.acknowledged) <= before + 1
    flow.world.up(flow.name, "--config", str(flow.config))
    flow.sender.more(10)


def unenriched_without_a_stream(flow: Flow) -> None:
    """AWS hands nobody what was written without a stream, nor what nobody had read of the old one.

    Each such price is stored; `up` says so, and `dlq repair` finds and enriches it.
    """
    account, sender, table = flow.world.account, flow.sender, f"crypto-prices-{flow.name}"
    account["dynamodb"].update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    err = flow.up()
    repairing = f"`cryptoctl dlq repair --env {flow.name} --config {flow.config} --aws`"
    assert f"{repairing} finds it and enriches it." in err
    settled = len(sender.acknowledged)
    sender.more(10)
    sender.enough()
    flow.caught_up(since=settled)
    missing = unenriched(account, flow.name)
    # `up` awaits five, of which the first may have been under way while the stream was still on.
    assert len(missing) >= 4
    assert {price.sort_key for price in rows(account, flow.name)} >= set(sender.acknowledged)
    options = ("--symbol", "ETH", "--output", "json")
    result = flow.world.clients.run("dlq", "repair", "--env", flow.name, "--aws", *options)
    assert result.code == 0, result.err
    assert result.document()["enriched"] == len(missing)
