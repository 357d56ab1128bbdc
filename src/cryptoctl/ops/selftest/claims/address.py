"""The webhook's public address, and the secret that its sender proves itself with."""

from __future__ import annotations

import json
from collections.abc import Mapping

from cryptoctl.core.webhook_secrets import parse_secret
from cryptoctl.errors import Failure
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, compared, differs, exact_code, holds
from cryptoctl.ops.selftest.environment import SENDER, TOKEN_HEADER
from cryptoctl.ops.selftest.provoking import provoked
from cryptoctl.ops.webhook.http import WebhookResponse, send_request
from cryptoctl.ops.webhook.senders import webhook_address
from cryptoctl.provisioners.function import NOT_FOUND as NO_FUNCTION
from cryptoctl.provisioners.function_url import FunctionUrl
from cryptoctl.provisioners.parameter import EXISTS, NO_RESOURCE, NOT_FOUND, TYPE, Parameter
from cryptoctl.reconcile.call import call

OPEN_WITHIN_S = 60
MAX_SHOWN_LENGTH = 1000
NEEDS = ("webhook_url", "webhook_secrets")
# Another symbol than that of any other check.
PRICE = {"symbol": "ADDRESS", "price": 1, "exchange": "selftest", "id": "1"}


def _parameter(context: CheckContext) -> Parameter:
    return context.stack.webhook_secrets[SENDER]


def _missing(context: CheckContext) -> str:
    return f"{_parameter(context).name}-missing"


def _sent(context: CheckContext, path: str, body: str | None, headers: Mapping[str, str]) -> WebhookResponse:
    url = webhook_address(context.aws, context.stack) + path
    method = "GET" if body is None else "POST"
    return send_request(method, url, {"content-type": "application/json", **headers}, body)


def _open(context: CheckContext) -> Evidence:
    last = ""

    def answered() -> bool:
        nonlocal last
        try:
            response = _sent(context, "health", None, {})
        except Failure as failure:  # a new name takes a while to be known
            last = failure.message
            return False
        last = f"{response.status}: {response.text[:MAX_SHOWN_LENGTH]}"
        return response.status == 200

    seconds = context.seconds(answered, OPEN_WITHIN_S)
    if seconds is None:
        return differs(last)
    return holds(f"after {seconds:.1f} s")


def _proof_decides(context: CheckContext) -> Evidence:
    found = context.aws.call("ssm", "GetParameter", Name=_parameter(context).name, WithDecryption=True)
    token = parse_secret(found["Parameter"]["Value"]).secret
    without, wrong, right = (
        _sent(context, SENDER, json.dumps(PRICE), headers)
        for headers in ({}, {TOKEN_HEADER: "wrong"}, {TOKEN_HEADER: token})
    )
    return compared([without.status, wrong.status, right.status], [401, 401, 200])


def _key_is_shown(context: CheckContext) -> Evidence:
    seen = _parameter(context).observe(context.aws)
    key = context.aws.call("kms", "DescribeKey", KeyId=context.stack.key.name)["KeyMetadata"]["Arn"]
    return compared(
        seen and (seen.fields["KeyId"], seen.fields["Type"], seen.fields["Tags"]),
        (key, TYPE, context.stack.scope.tags),
    )


ADDRESS = (
    AwsClaim(
        id="address-open",
        text="With both statements of the function's policy, a function URL answers everybody.",
        relied_on=("provisioners/function_url.py: ANYBODY_BY_URL",),
        check=_open,
        needs=NEEDS,
    ),
    AwsClaim(
        id="address-proof-decides",
        text="A request reaches the function with its headers and its body: 200 with the secret, else 401.",
        relied_on=("handlers/http_requests.py", "docs/webhooks.md"),
        check=_proof_decides,
        needs=(*NEEDS, "prices"),
    ),
    provoked(
        "address-missing",
        lambda context: call("lambda", "GetFunctionUrlConfig", FunctionName=context.stack.notifier.name),
        exact_code(FunctionUrl, "lambda", "GetFunctionUrlConfig", NO_FUNCTION),
        needs=("notifier",),
    ),
    provoked(
        "address-delete-missing",
        lambda context: call("lambda", "DeleteFunctionUrlConfig", FunctionName=context.stack.notifier.name),
        exact_code(FunctionUrl, "lambda", "DeleteFunctionUrlConfig", NO_FUNCTION),
        needs=("notifier",),
    ),
    provoked(
        "address-exists",
        lambda context: call(
            "lambda", "CreateFunctionUrlConfig", FunctionName=context.stack.webhook.name, AuthType="NONE"
        ),
        exact_code(FunctionUrl, "lambda", "CreateFunctionUrlConfig", "ResourceConflictException"),
        needs=NEEDS,
    ),
    AwsClaim(
        id="parameter-shown",
        text="A parameter is shown with its key, its type and its tags, and without its value.",
        relied_on=("provisioners/parameter.py: Parameter.observe",),
        check=_key_is_shown,
        needs=NEEDS,
    ),
    provoked(
        "parameter-exists",
        lambda context: call(
            "ssm", "PutParameter", Name=_parameter(context).name, Value="another", Type=TYPE
        ),
        exact_code(Parameter, "ssm", "PutParameter", EXISTS),
        needs=NEEDS,
    ),
    provoked(
        "parameter-missing",
        lambda context: call("ssm", "DeleteParameter", Name=_missing(context)),
        exact_code(Parameter, "ssm", "DeleteParameter", NOT_FOUND),
    ),
    provoked(
        "parameter-tags-missing",
        lambda context: call(
            "ssm", "ListTagsForResource", ResourceType="Parameter", ResourceId=_missing(context)
        ),
        exact_code(Parameter, "ssm", "ListTagsForResource", NO_RESOURCE, NOT_FOUND),
        engine_limit="the embedded engine answers without tags",
    ),
)
