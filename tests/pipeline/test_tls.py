"""What is said over TLS: the authorities are read once, and each server is verified all the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cryptoctl.aws import Aws
from cryptoctl.errors import Failure
from cryptoctl.handlers import clients
from cryptoctl.local.engine import Engine
from cryptoctl.parallel import map_in_threads
from hostile.proxy import HostileProxy
from kit import function_clients
from kit.authority import Authority

TABLES = ("dynamodb", "ListTables")
AT_ONCE = 20
SpeaksTls = Callable[..., Authority]


@pytest.fixture
def aws(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpeaksTls]:
    """Puts TLS before the engine, and tells AWS's clients of it."""
    opened: list[HostileProxy] = []

    def speaks_tls(address: str = "127.0.0.1") -> Authority:
        url = engine.status().url
        assert url is not None
        authority = Authority(tmp_path, address)
        proxy = HostileProxy(url, tls=authority.server)
        opened.append(proxy.__enter__())
        made_up = engine.credentials("tls")
        for name, value in {
            "AWS_ACCESS_KEY_ID": made_up.access_key,
            "AWS_SECRET_ACCESS_KEY": made_up.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url.replace("http://", "https://"),
            "AWS_CA_BUNDLE": str(authority.bundle),
            "AWS_MAX_ATTEMPTS": "1",
            "HTTPS_PROXY": proxy.url,
            "NO_PROXY": "",
        }.items():
            monkeypatch.setenv(name, value)
        return authority

    yield speaks_tls
    for proxy in opened:
        proxy.__exit__(None, None, None)


def test_a_client_of_a_command_reads_the_authorities_once(aws: SpeaksTls) -> None:
    """Whatever connects later is verified by what was read: the file is not needed any more."""
    authority = aws()
    client = Aws(region="us-east-1")
    client.call(*TABLES)
    authority.bundle.unlink()

    client.map(lambda request: client.call(*request), [TABLES] * AT_ONCE)


def test_a_client_of_a_function_reads_the_authorities_once(
    aws: SpeaksTls, request: pytest.FixtureRequest
) -> None:
    function_clients.disconnect()  # those of another test may have other credentials
    request.addfinalizer(function_clients.disconnect)
    authority = aws()
    table: Any = clients.client("dynamodb")
    table.list_tables()
    authority.bundle.unlink()

    map_in_threads(lambda _number: table.list_tables(), range(AT_ONCE), AT_ONCE)


def test_what_one_client_trusts_another_does_not(aws: SpeaksTls, monkeypatch: pytest.MonkeyPatch) -> None:
    aws()
    Aws(region="us-east-1").call(*TABLES)
    monkeypatch.delenv("AWS_CA_BUNDLE")

    with pytest.raises(Failure, match="No trusted answer"):
        Aws(region="us-east-1", attempts=1).call(*TABLES)


def test_a_server_that_nobody_vouches_for_is_refused(aws: SpeaksTls, monkeypatch: pytest.MonkeyPatch) -> None:
    aws()
    monkeypatch.delenv("AWS_CA_BUNDLE")

    with pytest.raises(Failure, match="No trusted answer"):
        Aws(region="us-east-1", attempts=1).call(*TABLES)


def test_a_server_with_another_s_name_is_refused(aws: SpeaksTls) -> None:
    aws("127.0.0.2")

    with pytest.raises(Failure, match="No trusted answer"):
        Aws(region="us-east-1", attempts=1).call(*TABLES)


def test_authorities_that_could_not_be_read_are_read_again(aws: SpeaksTls, tmp_path: Path) -> None:
    authority = aws()
    elsewhere = authority.bundle.rename(tmp_path / "elsewhere.pem")
    client = Aws(region="us-east-1", attempts=1)
    with pytest.raises(Failure):
        client.call(*TABLES)
    elsewhere.rename(authority.bundle)

    client.call(*TABLES)
