"""The examples of docs/webhooks.md are run as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from cryptoctl.settings import Settings
from cryptoctl.webhook_presets import TRADINGVIEW_MESSAGE
from webhook.conftest import Door

pytestmark = [pytest.mark.engine, pytest.mark.process]
DOCUMENT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return [
        re.sub(r"^   ", "", block, flags=re.MULTILINE)
        for block in re.findall(rf"```{language}\n(.*?)```", DOCUMENT, re.DOTALL)
    ]


SHELL, PYTHON = blocks("sh"), blocks("python")
NEEDS_TOOLS = pytest.mark.skipif(
    not all(map(shutil.which, ("curl", "openssl"))), reason="needs curl and openssl"
)


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("language", [pytest.param("sh", marks=NEEDS_TOOLS), "python"])
def test_an_example_sends_a_price(door: Door, language: str, number: int) -> None:
    sender = ["desk", "documented"][number]
    example = (SHELL if language == "sh" else PYTHON)[number]
    command = ["sh", "-ec", example] if language == "sh" else [sys.executable, "-c", example]
    environment = {**os.environ, "SECRET": door.secret(sender), "URL": door.address + sender}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["status"], answer["symbol"]) == ("stored", "BTC"), done


def test_the_senders_of_the_document_are_valid_and_one_is_the_tests_own() -> None:
    configurations = [TypeAdapter(Settings).validate_python(tomllib.loads(block)) for block in blocks("toml")]
    senders = {
        name: sender
        for settings in configurations
        for name, sender in settings.env["dev"].webhook.senders.items()
    }
    assert set(senders) == {"tradingview", "desk", "provider", "alerts"}


def test_the_message_for_tradingview_is_the_one_that_is_shown() -> None:
    assert f"\n   ```\n   {TRADINGVIEW_MESSAGE}\n   ```\n" in DOCUMENT
