"""What a cold start loads: counted in modules and bytes, which are the same on every machine."""

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.process
CORE_AND_HANDLERS = {
    "webhook_processor": 34,
    "price_enricher": 22,
    "error_notifier": 8,
}
MOST_BEYOND_BOTO3 = 12  # modules of the standard library that boto3 has not loaded already
HEAVY = {"asyncio", "pandas", "pydantic", "typer", "rich", "aws_lambda_powertools", "sqlite3", "unittest"}


def loaded_by(statement: str) -> set[str]:
    code = f"import sys, json\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("module", CORE_AND_HANDLERS)
def test_a_handler_loads_little_beyond_boto3(module: str) -> None:
    ours = loaded_by(f"import cryptoctl.handlers.{module}")
    beyond = ours - loaded_by("import boto3")
    own = {name for name in beyond if name.startswith("cryptoctl")}
    assert len(own) <= CORE_AND_HANDLERS[module], sorted(own)
    assert len(beyond - own) <= MOST_BEYOND_BOTO3, sorted(beyond - own)
    assert not {name.split(".")[0] for name in beyond} & HEAVY


def test_importing_a_handler_asks_nothing_of_the_environment() -> None:
    code = "import cryptoctl.handlers.webhook_processor, cryptoctl.handlers.price_enricher"
    subprocess.run([sys.executable, "-c", code], check=True, env={})


def test_core_loads_no_third_party_module() -> None:
    names = "prices, items, enrichment, indicators, keys, json_text, numbers"
    loaded = loaded_by(f"from cryptoctl.core import {names}") - loaded_by("pass")
    third_party = {name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names) - {"cryptoctl"}
    assert not third_party
