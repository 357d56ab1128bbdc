"""docs/first-day-on-aws.md: its configuration and each of its commands, on the engine."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cli.conftest import Cli

pytestmark = pytest.mark.engine
PAGE = (Path(__file__).parents[2] / "docs" / "first-day-on-aws.md").read_text(encoding="utf-8")
OTHER_TOOLS = ("aws",)
# The whole of it is what `make torture` runs.
FEW: dict[tuple[str, ...], tuple[str, ...]] = {("selftest", "--yes"): ("--only", "queue-missing")}


def blocks(language: str) -> list[str]:
    """The page's code blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """The words of each command of cryptoctl, in order."""
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines()]
    assert {words[0] for words in lines} <= {"cryptoctl", *OTHER_TOOLS}
    return [words[1:] for words in lines if words[0] == "cryptoctl"]


def test_the_page_leads_from_credentials_to_a_price_and_back(elsewhere: Path, engine: object) -> None:
    [configuration] = blocks("toml")
    (elsewhere / "cryptoctl.toml").write_text(configuration, encoding="utf-8")
    cli = Cli("--local")
    before = cli.ok("envs", "-o", "json").json["environments"]
    results = {" ".join(words): cli.ok(*words, *FEW.get(tuple(words), ())) for words in commands()}
    assert "environment" in results["doctor"].out
    assert list((elsewhere / "policies").iterdir()) == [elsewhere / "policies" / "try-deploy-1.json"]
    assert "to create" in results["plan"].out
    assert "50100.5" in results["prices BTC --wait"].out
    assert "drifted" not in results["status"].out and "missing" not in results["status"].out
    assert "BTC" in results["logs --since 10m"].out
    assert "Pending deletion until" in results["down --yes"].err
    assert (elsewhere / "cryptoctl-selftest.md").exists()
    assert cli.ok("envs", "-o", "json").json["environments"] == before


def test_the_page_reserves_nothing_in_a_small_account() -> None:
    assert blocks("toml")[0].count('reserved_concurrency = "none"') == 2
