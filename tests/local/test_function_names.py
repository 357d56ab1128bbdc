"""A function is created by any of the forms of its name that Lambda takes, and has the bare one."""

from __future__ import annotations

from collections.abc import Callable

from cryptoctl.local.engine import Engine
from local.clients import client
from local.workbench import zipped

ACCOUNT = "000000000000"


def test_a_function_created_by_its_arn_is_found_by_its_name(make_engine: Callable[[str], Engine]) -> None:
    engine = make_engine("names")
    engine.start(port=0)
    functions = client(engine, "lambda")
    role = client(engine, "iam").create_role(RoleName="any", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    prefixes = ("", "function:", f"{ACCOUNT}:", f"{ACCOUNT}:function:")
    forms = (*prefixes, f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:")
    for number, prefix in enumerate(forms):
        created = functions.create_function(
            FunctionName=f"{prefix}any{number}",
            Runtime="python3.13",
            Role=role,
            Handler="main.handler",
            Code={"ZipFile": zipped({"main.py": ""})},
        )
        assert created["FunctionName"] == f"any{number}"
        assert created["FunctionArn"] == f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:any{number}"
        functions.delete_function(FunctionName=f"any{number}")
    assert functions.list_functions()["Functions"] == []
