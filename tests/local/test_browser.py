"""A page in a real browser, on another origin and on a rebound name, tries what a page can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cryptoctl.local.engine import Engine
from kit.web_page import look, page_at
from local.clients import client, workbench
from local.conftest import QUICK

PAGE = """<!doctype html><title>page</title><body><iframe name=frame></iframe>
<form id=form method=post target=frame action="ENGINE/" enctype="KIND">
<input name=Action value=CreateRole><input name=Version value=2010-05-08>
<input name=RoleName value=evil><input name=AssumeRolePolicyDocument value="{}"></form>
<script>
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
  document.getElementById("form").submit();
  setTimeout(() => { document.body.textContent = "@seen " + JSON.stringify(seen) + " @end"; }, 500);
})();
</script>"""


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_a_page_in_a_browser_makes_nothing_and_learns_nothing(
    engine: Engine, tmp_path: Path, kind: str
) -> None:
    url = engine.start(port=0, options=QUICK).url or ""
    bench = workbench(engine)
    bench.function("def handler(event, context): print('@say {}')", FunctionName="victim")
    with page_at(PAGE.replace("ENGINE", url).replace("KIND", kind)) as port:
        text = look(f"http://evil.example:{port}/", tmp_path / "profile")
    outcomes = json.loads(text.split("@seen ")[1].split(" @end")[0])
    assert outcomes.pop("no_cors").startswith("opaque")
    assert outcomes.pop("beacon") == "sent"
    assert set(outcomes.values()) == {"failed"}
    assert bench.reports("victim") == []
    assert not [role for role in client(engine, "iam").list_roles()["Roles"] if role["RoleName"] == "evil"]


def test_a_rebound_name_shows_the_browser_nothing(engine: Engine, tmp_path: Path) -> None:
    port = engine.start(port=0, options=QUICK).port
    text = look(f"http://evil.example:{port}/?Action=ListRoles&Version=2010-05-08", tmp_path / "profile")
    assert "ListRolesResponse" not in text
