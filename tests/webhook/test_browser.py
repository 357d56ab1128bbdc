"""A page in a real browser, on another origin, tries to send prices to the address."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.web_page import look, page_at
from webhook.conftest import Door

pytestmark = [pytest.mark.engine, pytest.mark.process]

PAGE = """<!doctype html><title>page</title><body><script>
const body = '{"symbol": "PAGE", "price": 1, "exchange": "x"}';
const tries = {
  no_cors: () => fetch("ADDRESSdesk", {method: "POST", mode: "no-cors", body}),
  beacon: async () => navigator.sendBeacon("ADDRESStradingview", body),
  cors: () => fetch("ADDRESSdesk", {method: "POST", body}),
  preflight: () => fetch("ADDRESSdesk", {method: "POST", body, headers: {"webhook-id": "msg_1"}}),
  health: () => fetch("ADDRESShealth"),
};
(async () => {
  const seen = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try { const answer = await attempt(); seen[name] = answer?.type ? answer.type : "sent"; }
    catch (error) { seen[name] = "failed"; }
  }
  setTimeout(() => { document.body.textContent = "@seen " + JSON.stringify(seen) + " @end"; }, 500);
})();
</script>"""


def test_a_page_stores_nothing_and_reads_no_answer(door: Door, tmp_path: Path) -> None:
    with page_at(PAGE.replace("ADDRESS", door.address)) as port:
        text = look(f"http://evil.example:{port}/", tmp_path / "profile")
    outcomes = json.loads(text.split("@seen ")[1].split(" @end")[0])
    assert outcomes.pop("no_cors") == "opaque"
    assert outcomes.pop("beacon") == "sent"
    assert set(outcomes.values()) == {"failed"}
    assert not door.stored("PAGE")
