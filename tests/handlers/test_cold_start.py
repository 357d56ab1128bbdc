"""What a cold start loads: counted in modules and bytes, which are the same on every machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
from botocore import __version__ as botocore_version
from botocore.useragent import UserAgentComponent

from cryptoctl.handlers import clients

pytestmark = pytest.mark.process
CORE_AND_HANDLERS = {
    "webhook_processor": 35,
    "price_enricher": 23,
    "error_notifier": 9,
}
MOST_BEYOND_BOTOCORE = 12  # modules of the standard library that botocore has not loaded already
HEAVY = {"asyncio", "boto3", "s3transfer", "pandas", "pydantic", "typer", "rich", "aws_lambda_powertools"}
HEAVY |= {"sqlite3", "unittest"}


@cache
def loaded_by(statement: str) -> frozenset[str]:
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return frozenset(json.loads(done.stdout))


@pytest.mark.parametrize("module", CORE_AND_HANDLERS)
def test_a_handler_loads_little_beyond_botocore(module: str) -> None:
    loaded = loaded_by(f"import cryptoctl.handlers.{module}")
    beyond = loaded - loaded_by("import botocore.session")
    own = {name for name in beyond if name.startswith("cryptoctl")}
    assert len(own) <= CORE_AND_HANDLERS[module], sorted(own)
    assert len(beyond - own) <= MOST_BEYOND_BOTOCORE, sorted(beyond - own)
    assert not {name.split(".")[0] for name in beyond} & HEAVY


def test_a_request_does_not_put_together_anew_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "made-up")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setattr(clients, "_clients", {})
    client, agents = clients.client("dynamodb"), list[str]()

    def not_sent(request: Any, **_: Any) -> None:
        agents.append(request.headers["User-Agent"].decode())
        raise InterruptedError

    client.meta.events.register("before-send.dynamodb", not_sent)
    monkeypatch.setattr(UserAgentComponent, "to_string", None)
    with pytest.raises(InterruptedError):
        client.list_tables()
    assert agents == [f"cryptoctl Botocore/{botocore_version}"]


def test_importing_a_handler_asks_nothing_of_the_environment() -> None:
    code = "import cryptoctl.handlers.webhook_processor, cryptoctl.handlers.price_enricher"
    subprocess.run([sys.executable, "-c", code], check=True, env={})


def test_core_loads_no_third_party_module() -> None:
    names = "prices, items, enrichment, indicators, keys, json_text, numbers"
    loaded = loaded_by(f"from cryptoctl.core import {names}") - loaded_by("pass")
    third_party = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"cryptoctl"}
    assert not third_party


REGION = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
IN_A_FUNCTION = {"AWS_LAMBDA_FUNCTION_NAME": "f"}


def clients_made_by(modules: Iterable[str], environment: dict[str, str]) -> set[str]:
    names = ", ".join(f"cryptoctl.handlers.{module}" for module in modules)
    telling = "import logging\nlogging.basicConfig(level=logging.INFO)\n"  # as Lambda's runtime does
    code = f"{telling}import {names}\nprint(*cryptoctl.handlers.clients._clients)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True)
    assert done.stderr == b""
    return set(done.stdout.decode().split())


@pytest.mark.parametrize(
    ("module", "variables", "services"),
    [
        ("webhook_processor", {}, {"dynamodb"}),
        ("webhook_processor", {"WEBHOOK_SENDERS": "{}"}, {"dynamodb", "ssm"}),
        ("price_enricher", {}, {"dynamodb", "sns"}),
        ("error_notifier", {}, {"sns"}),
    ],
)
def test_the_clients_are_made_before_the_first_request(
    module: str, variables: dict[str, str], services: set[str]
) -> None:
    assert clients_made_by([module], {**variables, **REGION, **IN_A_FUNCTION}) == services


@pytest.mark.parametrize(
    "environment",
    [
        REGION,
        # What is wrong here is handled where a request meets it, and does not keep a function from loading.
        {"AWS_CONFIG_FILE": os.devnull, **IN_A_FUNCTION},
    ],
    ids=["not in a function", "without a region"],
)
def test_no_client_is_made(environment: dict[str, str]) -> None:
    assert clients_made_by(CORE_AND_HANDLERS, {"WEBHOOK_SENDERS": "{}", **environment}) == set()
