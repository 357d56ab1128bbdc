"""An embedded engine, the hostile proxy before it, and clients that see the proxy only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptoctl.local.engine import Engine, EngineOptions
from hostile.clients import ForkServer, ProcessResult, fork_server
from hostile.inventory import Account
from hostile.proxy import HostileProxy
from kit.engines import OPTIONS


@dataclass(frozen=True, kw_only=True)
class World:
    """All that a test needs."""

    proxy: HostileProxy
    clients: ForkServer
    account: Account
    """The engine itself, past the proxy."""
    stranger: Account
    """Plain clients that go through the proxy, as another tool's would."""
    home: Path

    def up(self, environment: str, *more: str) -> ProcessResult:
        """`cryptoctl up`, which must succeed."""
        return self._succeeds("up", "--env", environment, "--yes", "--aws", *more)

    def down(self, environment: str, *more: str) -> ProcessResult:
        """`cryptoctl down`, which must succeed."""
        return self._succeeds("down", "--env", environment, "--yes", "--aws", *more)

    def plan_is_empty(self, environment: str, *more: str) -> bool:
        """Whether `cryptoctl plan --exit-code` has nothing to do."""
        return self.clients.run("plan", "--env", environment, "--aws", "--exit-code", *more).code == 0

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
    try:
        with (
            HostileProxy(status.url) as proxy,
            fork_server(status.url, credentials, home / "clients", through=proxy.url) as clients,
        ):
            stranger = Account(status.url, credentials, through=proxy.url)
            yield World(proxy=proxy, clients=clients, account=account, stranger=stranger, home=home)
            stranger.close()
    finally:
        account.close()
        engine.stop()
