"""An embedded engine, the hostile proxy before it, and clients that see the proxy only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptoctl.aws import AccessKey
from cryptoctl.local.engine import Engine, EngineOptions
from cryptoctl.reconcile.plan import Goal
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, Target
from cryptoctl.settings_file import load
from hostile.clients import ForkServer, ProcessResult, fork_server
from hostile.inventory import Account
from hostile.proxy import HostileProxy
from kit.engines import OPTIONS
from live import Live, RecordingAws


@dataclass(frozen=True, kw_only=True)
class World:
    """All that a test needs."""

    proxy: HostileProxy
    clients: ForkServer
    account: Account
    """The engine itself, past the proxy."""
    stranger: Account
    """Plain clients that go through the proxy, as another tool's would."""
    aws: RecordingAws
    """The engine itself for cryptoctl's own parts, in this process."""
    home: Path

    def up(self, environment: str, *more: str) -> ProcessResult:
        """`cryptoctl up`, which must succeed."""
        return self._succeeds("up", "--env", environment, "--yes", "--aws", *more)

    def down(self, environment: str, *more: str) -> ProcessResult:
        """`cryptoctl down`, which must succeed."""
        return self._succeeds("down", "--env", environment, "--yes", "--aws", *more)

    def live(self, environment: str, config: Path | None = None) -> Live:
        """The environment past the proxy and without a command, where neither is what a test is about."""
        session = Session(SessionOptions(environment=environment, target=Target.LOCAL, config=config))
        settings = load(config or self.home / "cryptoctl.toml")
        session.aws, session.config = self.aws, settings.env.get(environment, EnvironmentSettings())
        return Live(session, self.aws)

    def plan_is_empty(self, environment: str, config: Path | None = None) -> bool:
        """Whether an `up` would have nothing to do."""
        return self.live(environment, config).plan().nothing_to_do

    def prepare(self, environment: str, command: str) -> None:
        """Leaves what an `up` or a `down` leaves."""
        live = self.live(environment)
        plan = live.plan(Goal.PRESENT if command == "up" else Goal.ABSENT)
        assert not (plan.refused or plan.obstacles), plan
        report = live.run(plan)
        assert report.done, report

    def _succeeds(self, *arguments: str) -> ProcessResult:
        result = self.clients.run(*arguments)
        assert result.code == 0, f"cryptoctl {' '.join(arguments)} ended with {result.code}:\n{result.err}"
        return result


@contextmanager
def a_world(home: Path, options: EngineOptions = OPTIONS) -> Iterator[World]:
    """Starts one, and takes it down with all that is in it."""
    engine = Engine(home / "engine")
    status = engine.start(port=0, options=options)
    made_up = engine.credentials("hostile")
    credentials = made_up.access_key, made_up.secret_key
    assert status.url
    account = Account(status.url, credentials)
    pair = AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key)
    aws = RecordingAws(endpoint_url=status.url, credentials=pair)
    try:
        with (
            HostileProxy(status.url) as proxy,
            fork_server(status.url, credentials, home / "clients", through=proxy.url) as clients,
        ):
            stranger = Account(status.url, credentials, through=proxy.url)
            yield World(proxy=proxy, clients=clients, account=account, stranger=stranger, aws=aws, home=home)
            stranger.close()
    finally:
        account.close()
        engine.stop()
