"""The webhook's public address, and the secret that its sender proves itself with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptoctl.core.webhook_secrets import parse_secret
from cryptoctl.errors import Failure
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, compare, differs, holds
from cryptoctl.ops.selftest.environment import SENDER, TOKEN_HEADER
from cryptoctl.ops.selftest.provoking import Request, StackValue
from cryptoctl.ops.webhook.http import WebhookResponse, send_request
from cryptoctl.ops.webhook.senders import webhook_address
from cryptoctl.provisioners.function import NOT_FOUND as NO_FUNCTION
from cryptoctl.provisioners.function_url import FunctionUrl
from cryptoctl.provisioners.parameter import EXISTS, NO_RESOURCE, NOT_FOUND, TYPE, Parameter

OPEN_WITHIN_S = 60
MAX_SHOWN_LENGTH = 1000
NEEDS = ("webhook_url", "webhook_secrets")
NOTIFIER = StackValue("notifier.name")
# Another symbol than that of any other check.
PRICE = {"symbol": "ADDRESS", "price": 1, "exchange": "selftest", "id": "1"}


def _parameter(context: CheckContext) -> Parameter:
    return context.stack.webhook_secrets[SENDER]


def _parameter_name(context: CheckContext) -> str:
    return _parameter(context).name


def _missing_parameter(context: CheckContext) -> str:
    return f"{_parameter_name(context)}-missing"


def _send(context: CheckContext, path: str, body: str | None, headers: Mapping[str, str]) -> WebhookResponse:
    url = webhook_address(context.aws, context.stack) + path
    method = "GET" if body is None else "POST"
    return send_request(method, url, {"content-type": "application/json", **headers}, body)


def _address_answers(context: CheckContext) -> Evidence:
    last = ""

    def answered() -> bool:
        nonlocal last
        try:
            response = _send(context, "health", None, {})
        except Failure as failure:  # a new name takes a while to be known
            last = failure.message
            return False
        last = f"{response.status}: {response.text[:MAX_SHOWN_LENGTH]}"
        return response.status == 200

    seconds = context.seconds_until(answered, OPEN_WITHIN_S)
    if seconds is None:
        return differs(last)
    return holds(f"after {seconds:.1f} s")


def _proof_decides(context: CheckContext) -> Evidence:
    response = context.aws.call("ssm", "GetParameter", Name=_parameter(context).name, WithDecryption=True)
    token = parse_secret(response["Parameter"]["Value"]).secret
    without, wrong, right = (
        _send(context, SENDER, json.dumps(PRICE), headers)
        for headers in ({}, {TOKEN_HEADER: "wrong"}, {TOKEN_HEADER: token})
    )
    return compare([without.status, wrong.status, right.status], [401, 401, 200])


def _key_is_shown(context: CheckContext) -> Evidence:
    observed = _parameter(context).observe(context.aws)
    key = context.aws.call("kms", "DescribeKey", KeyId=context.stack.key.name)["KeyMetadata"]["Arn"]
    return compare(
        observed and (observed.fields["KeyId"], observed.fields["Type"], observed.fields["Tags"]),
        (key, TYPE, context.stack.scope.tags),
    )


ADDRESS = (
    AwsClaim(
        id="address-open",
        text="With both statements of the function's policy, a function URL answers everybody.",
        relied_on=("provisioners/function_url.py: ANYBODY_BY_URL",),
        check=_address_answers,
        needs=NEEDS,
    ),
    AwsClaim(
        id="address-proof-decides",
        text="A request reaches the function with its headers and its body: 200 with the secret, else 401.",
        relied_on=("handlers/http_requests.py", "docs/webhooks.md"),
        check=_proof_decides,
        needs=(*NEEDS, "prices"),
    ),
    Request("lambda", "GetFunctionUrlConfig", FunctionName=NOTIFIER).answered(
        "address-missing", FunctionUrl, NO_FUNCTION
    ),
    Request("lambda", "DeleteFunctionUrlConfig", FunctionName=NOTIFIER).answered(
        "address-delete-missing", FunctionUrl, NO_FUNCTION
    ),
    Request(
        "lambda", "CreateFunctionUrlConfig", FunctionName=StackValue("webhook.name"), AuthType="NONE"
    ).answered("address-exists", FunctionUrl, "ResourceConflictException", needs=NEEDS),
    AwsClaim(
        id="parameter-shown",
        text="A parameter is shown with its key, its type and its tags, and without its value.",
        relied_on=("provisioners/parameter.py: Parameter.observe",),
        check=_key_is_shown,
        needs=NEEDS,
    ),
    Request("ssm", "PutParameter", Name=_parameter_name, Value="another", Type=TYPE).answered(
        "parameter-exists", Parameter, EXISTS, needs=NEEDS
    ),
    Request("ssm", "DeleteParameter", Name=_missing_parameter).answered(
        "parameter-missing", Parameter, NOT_FOUND
    ),
    Request("ssm", "ListTagsForResource", ResourceType="Parameter", ResourceId=_missing_parameter).answered(
        "parameter-tags-missing",
        Parameter,
        NO_RESOURCE,
        NOT_FOUND,
        engine_limit="the embedded engine answers without tags",
    ),
)
