"""How long a function is Pending is one of the engine's options; AWS takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cryptoctl.local.engine import Engine, EngineOptions
from kit.waiting import eventually
from local.clients import client
from local.workbench import zipped


@pytest.fixture
def created(make_engine: Callable[[str], Engine]) -> Callable[[float], Callable[[], dict[str, Any]]]:
    """Creates a function on an engine with this option; gives what reads the function's configuration."""

    def create(pending_s: float) -> Callable[[], dict[str, Any]]:
        engine = make_engine(f"{pending_s} s")
        engine.start(port=0, options=EngineOptions(function_pending_s=pending_s))
        iam, functions = client(engine, "iam"), client(engine, "lambda")
        functions.list_functions()  # now the option is in place
        role = iam.create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        functions.create_function(
            FunctionName="any",
            Runtime="python3.13",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": zipped({"main.py": ""})},
        )
        return lambda: functions.get_function_configuration(FunctionName="any")

    return create


def test_a_new_function_is_pending_for_as_long_as_the_options_say(
    created: Callable[[float], Callable[[], dict[str, Any]]],
) -> None:
    long, short = created(600), created(0.05)
    assert eventually(lambda: short()["State"] == "Active")
    assert long()["State"] == "Pending"
