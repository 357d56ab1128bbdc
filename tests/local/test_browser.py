"""A page in a real browser, on another origin and on a rebound name, tries what a page can."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cryptoctl.local.engine import Engine
from kit.web_page import look, page_at
from local.clients import client, workbench
from local.conftest import QUICK

FORM = """<iframe name=NAME></iframe><form method=post target=NAME action="ENGINE/" enctype="KIND">
<input name=Action value=CreateRole><input name=Version value=2010-05-08>
<input name=RoleName value=NAME><input name=AssumeRolePolicyDocument value="{}"></form>"""
KINDS = {
    "evil-form": "application/x-www-form-urlencoded",
    "evil-parts": "multipart/form-data",
    "evil-text": "text/plain",
}
PAGE = """<!doctype html><title>page</title><body>FORMS<script>
const run = "ENGINE/2015-03-31/functions/victim/invocations";
const tries = {
  no_cors: () => fetch(run, {method: "POST", mode: "no-cors", body: "{}"}),
  cors: () => fetch(run, {method: "POST", body: "{}"}),
  preflight: () => fetch(run, {method: "POST", body: "{}", headers: {authorization: "AWS4-HMAC-SHA256 x"}}),
  read: () => fetch("ENGINE/?Action=ListRoles&Version=2010-05-08"),
  beacon: async () => navigator.sendBeacon(run, "{}"),
  image: () => new Promise((yes, no) => {
    const image = new Image(); image.onload = yes; image.onerror = no; image.src = "ENGINE/?Action=ListRoles";
  }),
};
(async () => {
  const seen = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try { const answer = await attempt(); seen[name] = answer?.type ? answer.type + answer.status : "sent"; }
    catch (error) { seen[name] = "failed"; }
  }
  for (const form of document.forms) form.submit();
  setTimeout(() => { document.body.textContent = "@seen " + JSON.stringify(seen) + " @end"; }, 500);
})();
</script>"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine with a function that must not be invoked."""
    engine = Engine(tmp_path_factory.mktemp("engine beside a browser"))
    engine.start(port=0, options=QUICK)
    workbench(engine).function("def handler(event, context): print('@say {}')", FunctionName="victim")
    yield engine
    engine.stop()


def test_a_page_in_a_browser_makes_nothing_and_learns_nothing(running: Engine, tmp_path: Path) -> None:
    """With a form of each kind that a page may send to another origin."""
    url = running.status().url or ""
    forms = [FORM.replace("NAME", name).replace("KIND", kind) for name, kind in KINDS.items()]
    with page_at(PAGE.replace("FORMS", "".join(forms)).replace("ENGINE", url)) as port:
        text = look(f"http://evil.example:{port}/", tmp_path / "profile")
    outcomes = json.loads(text.split("@seen ")[1].split(" @end")[0])
    assert outcomes.pop("no_cors").startswith("opaque")
    assert outcomes.pop("beacon") == "sent"
    assert set(outcomes.values()) == {"failed"}
    assert workbench(running).reports("victim") == []
    roles = {role["RoleName"] for role in client(running, "iam").list_roles()["Roles"]}
    assert not roles & set(KINDS)


def test_a_rebound_name_shows_the_browser_nothing(running: Engine, tmp_path: Path) -> None:
    port = running.status().port
    text = look(f"http://evil.example:{port}/?Action=ListRoles&Version=2010-05-08", tmp_path / "profile")
    assert "ListRolesResponse" not in text
