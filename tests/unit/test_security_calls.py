"""What each security setting makes of the calls that create a resource, and of what a plan compares."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cryptoctl.cli import doctor as cli_doctor
from cryptoctl.ops.doctor import Check, CheckResult
from cryptoctl.provisioners.function import Code
from cryptoctl.provisioners.tls_policy import SID
from cryptoctl.reconcile.plan import Goal
from cryptoctl.reconcile.planner import build_plan
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import serialize
from cryptoctl.security_settings import FunctionSettings, Kind, SecuritySettings
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import EnvironmentSettings, Target
from cryptoctl.stack import Stack
from unit.answers import ACCOUNT, SCOPE

KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TLS_ONLY = {"Bool": {"aws:SecureTransport": ["false"]}}


def stack(**settings: Any) -> Stack:
    return Stack(SCOPE, EnvironmentSettings(**settings), Code(zip_bytes=b"", sha256=""))


def created(resource: Provisioner) -> dict[str, Any]:
    """The parameters of the call that creates it, as they are sent but for what AWS assigns first."""
    call = build_plan([resource], {resource: None}, Goal.PRESENT).steps[0].calls[0]
    return {
        name: serialize(value) for name, value in call.params.items() if name not in ("Code", "Environment")
    }


def by_kind(whole: Stack) -> dict[Kind, list[Provisioner]]:
    return {
        "table": [whole.prices],
        "queues": [whole.webhook_dead_letters, whole.enricher_dead_letters],
        "topics": [whole.success, whole.alerts],
        "log_groups": [whole.webhook_logs, whole.enricher_logs, whole.notifier_logs],
    }


@pytest.mark.parametrize("kind", ["table", "queues", "topics", "log_groups"])
def test_each_kind_lies_under_the_customers_key_by_itself(kind: Kind) -> None:
    configured = stack(security=SecuritySettings(customer_key=KEY, customer_key_encrypts=(kind,)))
    for name, resources in by_kind(configured).items():
        for resource in resources:
            assert (KEY in json.dumps(created(resource))) == (name == kind), resource


def refusals(resource: Provisioner) -> list[dict[str, Any]]:
    """The statements of the policy that it is created with, which refuse something."""
    params = created(resource)
    policy = json.loads(params.get("Attributes", {}).get("Policy", "{}"))
    return [statement for statement in policy.get("Statement", ()) if statement["Effect"] == "Deny"]


def test_queues_and_topics_refuse_plain_http_from_the_call_that_creates_them() -> None:
    of = by_kind(stack())
    for resource in (*of["queues"], *of["topics"]):
        [statement] = refusals(resource)
        assert (statement["Principal"], statement["Condition"]) == ({"AWS": ["*"]}, TLS_ONLY)
        assert resource.desired()["Policy"][SID] is not None
    of = by_kind(stack(security=SecuritySettings(refuse_plain_http=False)))
    for resource in (*of["queues"], *of["topics"]):
        assert refusals(resource) == []
        assert resource.desired()["Policy"] == {SID: None}


def test_log_lines_are_kept_for_ever_where_that_is_asked_for() -> None:
    ending, endless = stack().webhook_logs, stack(log_retention_days="never expire").webhook_logs
    sent = {
        group: [call.operation for call in build_plan([group], {group: None}, Goal.PRESENT).steps[0].calls]
        for group in (ending, endless)
    }
    assert sent == {ending: ["CreateLogGroup", "PutRetentionPolicy"], endless: ["CreateLogGroup"]}
    assert (ending.desired()["retentionInDays"], endless.desired()["retentionInDays"]) == (3, None)


def test_every_function_has_the_log_levels_and_is_traced_where_that_is_asked_for() -> None:
    functions = FunctionSettings(application_log_level="DEBUG", system_log_level="DEBUG", tracing=True)
    for configured, level, mode in (
        (stack(), "INFO", "PassThrough"),
        (stack(functions=functions), "DEBUG", "Active"),
    ):
        for function in configured.functions:
            params = created(function)
            logging = params["LoggingConfig"]
            assert (logging["ApplicationLogLevel"], logging["SystemLogLevel"]) == (level, level)
            assert params["TracingConfig"] == {"Mode": mode}
            assert ("x-ray-access" in function.role.policies) == (mode == "Active")


def test_doctor_asks_about_security_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Check(name="security", result=CheckResult.UNKNOWN, detail="protected, and not set: …")
    monkeypatch.setattr(cli_doctor, "examine", lambda *_, **__: [])
    monkeypatch.setattr(cli_doctor, "examine_security", lambda *_: [missing])
    session = Session(SessionOptions(environment="dev", target=Target.AWS))
    session.__dict__ |= {"aws": None, "stack": None}
    assert list(cli_doctor._checks(Run(session))) == [missing]  # type: ignore[arg-type]


class Run:
    """A command's run, of which only the session is looked at."""

    def __init__(self, session: Session) -> None:
        self.session = session
