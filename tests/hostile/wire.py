"""AWS's requests read off the wire, and refusals written onto it, by botocore's service models."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

import botocore.session

SERVICES = {"tagging": "resourcegroupstaggingapi", "monitoring": "cloudwatch"}
READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "Filter", "Simulate", "Head", "Lookup")


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request as AWS understands it. `params` is None where the protocol is not read here."""

    service: str
    operation: str
    params: Mapping[str, Any] | None
    access_key: str

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return not self.operation.startswith(READS)

    def param(self, *names: str) -> str:
        """The first of these parameters that is there, as text; names are resources' names."""
        for name in names:
            if self.params and name in self.params:
                return str(self.params[name])
        return ""

    def __str__(self) -> str:
        return f"{self.service}:{self.operation}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What goes back: the status, the headers that matter, the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return self.status < 300

    def document(self) -> dict[str, Any]:
        """The body of a JSON answer."""
        loaded = json.loads(self.body or b"{}")
        assert isinstance(loaded, dict)
        return loaded

    def with_document(self, document: Mapping[str, Any]) -> Answer:
        """The same answer with another JSON body, and without the checksum of the one that it had.

        DynamoDB's clients send a request again, and tell nobody, where that does not fit.
        """
        headers = {name: value for name, value in self.headers.items() if name.lower() != "x-amz-crc32"}
        return Answer(status=self.status, headers=headers, body=json.dumps(document).encode())


@cache
def model(service: str) -> Any:
    return botocore.session.Session().get_service_model(service)


def read(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A signed request, by the name of its service in the signature."""
    credential = re.search(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/", headers.get("authorization", ""))
    assert credential, f"unsigned: {method} {target}"
    access_key, signed = credential.groups()
    # Tables and their streams sign alike.
    streams = headers.get("x-amz-target", "").startswith("DynamoDBStreams")
    service = "dynamodbstreams" if streams else SERVICES.get(signed, signed)
    protocol = model(service).resolved_protocol
    if protocol == "json" and "x-amz-target" not in headers:
        protocol = "query"  # of a service that has both, an SDK of another language takes this one
    if protocol == "json":
        operation = headers["x-amz-target"].rpartition(".")[2]
        shape = model(service).operation_model(operation).input_shape
        params = _json(shape, json.loads(body or b"{}"))
    elif protocol == "query":
        form = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation = form["Action"]
        params = _query(model(service).operation_model(operation).input_shape, form, "") or {}
    elif protocol == "rest-json":
        operation, params = _rest(service, method, target, headers, body)
    else:
        operation, params = urlsplit(target).path.rpartition("/")[2], None
    return Request(service=service, operation=operation, params=params, access_key=access_key)


def _json(shape: Any, value: Any) -> Any:
    if shape is None or value is None:
        return value
    if shape.type_name == "structure":
        names = {
            member.serialization.get("name", name): (name, member) for name, member in shape.members.items()
        }
        return {
            names[key][0] if key in names else key: _json(names[key][1] if key in names else None, item)
            for key, item in value.items()
        }
    if shape.type_name == "list":
        return [_json(shape.member, item) for item in value]
    if shape.type_name == "map":
        return {key: _json(shape.value, item) for key, item in value.items()}
    return base64.b64decode(value) if shape.type_name == "blob" else value


def _query(shape: Any, form: Mapping[str, str], prefix: str) -> Any:
    if not any(key == prefix or key.startswith(f"{prefix}." if prefix else "") for key in form):
        return None
    if shape.type_name == "structure":
        members = {
            name: _query(member, form, _under(prefix, member.serialization.get("name", name)))
            for name, member in shape.members.items()
        }
        return {name: value for name, value in members.items() if value is not None}
    if shape.type_name == "list":
        stem = prefix if shape.serialization.get("flattened") else _under(prefix, "member")
        return [_query(shape.member, form, f"{stem}.{number}") for number in _numbers(stem, form)]
    if shape.type_name == "map":
        stem = prefix if shape.serialization.get("flattened") else _under(prefix, "entry")
        key, value = (
            shape.key.serialization.get("name", "key"),
            shape.value.serialization.get("name", "value"),
        )
        return {
            form[f"{stem}.{number}.{key}"]: _query(shape.value, form, f"{stem}.{number}.{value}")
            for number in _numbers(stem, form)
        }
    text = form.get(prefix)
    if text is None:
        return None
    if shape.type_name == "integer":
        return int(text)
    return text == "true" if shape.type_name == "boolean" else text


def _under(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _numbers(stem: str, form: Mapping[str, str]) -> list[int]:
    matches = (re.match(re.escape(stem) + r"\.(\d+)", key) for key in form)
    return sorted({int(match[1]) for match in matches if match})


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    routes = []
    for name in model(service).operation_names:
        http = model(service).operation_model(name).http
        pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", urlsplit(http["requestUri"]).path.rstrip("/"))
        routes.append((http["method"], re.compile(pattern + "/?"), name))
    return sorted(routes, key=lambda route: route[1].pattern.count("?P<"))


def _rest(
    service: str, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, dict[str, Any]]:
    split = urlsplit(target)
    matches = (
        (name, route.fullmatch(split.path)) for verb, route, name in _routes(service) if verb == method
    )
    operation, match = next((name, match) for name, match in matches if match)
    shape = model(service).operation_model(operation).input_shape
    query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
    params: dict[str, Any] = {}
    inside: dict[str, Any] = {}
    for name, member in shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name)
        if place == "uri":
            params[name] = unquote(match[key])
        elif place == "querystring" and key in query:
            params[name] = int(query[key]) if member.type_name == "integer" else query[key]
        elif place == "header" and key.lower() in headers:
            params[name] = headers[key.lower()]
        elif place is None:
            inside[name] = member
    payload = shape.serialization.get("payload")
    if payload:
        params[payload] = body
    elif body:
        read_body = _json(shape, json.loads(body))
        params |= {name: value for name, value in read_body.items() if name in inside}
    return operation, params


def refusal(request: Request, code: str, message: str, status: int = 400) -> Answer:
    """An error as the service would write it."""
    protocol = model(request.service).resolved_protocol
    if protocol == "query":
        kind = "Sender" if status < 500 else "Receiver"
        text = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(code)}</Code>"
            f"<Message>{escape(message)}</Message></Error><RequestId>hostile</RequestId></ErrorResponse>"
        )
        return Answer(status=status, headers={"Content-Type": "text/xml"}, body=text.encode())
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
    if request.service == "sqs":
        headers["x-amzn-query-error"] = f"{code};Sender"
    document = {"__type": code, "Type": "User", "message": message, "Message": message}
    return Answer(status=status, headers=headers, body=json.dumps(document).encode())
