"""Whether a request is one that AWS would take: the service model in full, and limits it does not carry."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from hostile.wire import Request, model

ROLE_POLICIES_CHARACTERS = 10_240
VARIABLES_BYTES = 4_096
FILTERS_PER_GROUP = 2
RETENTION_DAYS = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827}
RETENTION_DAYS |= {2192, 2557, 2922, 3288, 3653}
RUNTIMES = re.compile(r"python3\.1[1-4]")


def violations(requests: Iterable[Request]) -> list[str]:
    """What AWS would refuse, each with the request it stands in."""
    violations = []
    all_requests = list(requests)
    for request in all_requests:
        if request.params is None:
            violations.append(f"{request}: its protocol is not read here")
            continue
        shape = model(request.service).operation_model(request.operation).input_shape
        problems = list(_against(shape, request.params, "")) if shape is not None else []
        violations += [f"{request}{problem}" for problem in problems]
        violations += [f"{request}: {problem}" for problem in _limits(request)]
    return list(dict.fromkeys([*violations, *_sums(all_requests)]))


def _against(shape: Any, value: Any, path: str) -> Iterator[str]:
    check = {"structure": _structure, "list": _list, "map": _map, "string": _string}.get(shape.type_name)
    if check is not None:
        yield from check(shape, value, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _range(shape, float(value), path, "is")
    elif shape.type_name == "blob":
        yield from _range(shape, len(value), path, "has a length of")


def _structure(shape: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is no structure"
        return
    yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path}.{name} is unknown"
        elif item is not None:
            yield from _against(shape.members[name], item, f"{path}.{name}")


def _list(shape: Any, value: Any, path: str) -> Iterator[str]:
    yield from _range(shape, len(value), path, "has a length of")
    for number, item in enumerate(value):
        yield from _against(shape.member, item, f"{path}[{number}]")


def _map(shape: Any, value: Any, path: str) -> Iterator[str]:
    yield from _range(shape, len(value), path, "has a length of")
    for key, item in value.items():
        yield from _against(shape.key, key, f"{path}.{key} (key)")
        yield from _against(shape.value, item, f"{path}.{key}")


def _string(shape: Any, value: Any, path: str) -> Iterator[str]:
    text = str(value)
    yield from _range(shape, len(text), path, "has a length of")
    if shape.enum and text not in shape.enum:
        yield f"{path}: {text!r} is none of {', '.join(shape.enum)}"
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(_python(pattern), text, re.DOTALL):
        yield f"{path}: {text!r} does not match {pattern}"


def _python(pattern: str) -> str:
    # The models are written for Java; what differs in what they use are Unicode classes and escapes.
    classes = {r"\p{L}": "a-zA-Z", r"\p{Z}": r"\s", r"\p{N}": "0-9", r"\p{P}": r"!-/:-@\[-`{-~"}
    for java, python in classes.items():
        pattern = pattern.replace(java, python)
    return re.sub(r"\\u([0-9A-Fa-f]{4})", lambda match: chr(int(match[1], 16)), pattern)


def _range(shape: Any, number: float, path: str, what: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and number < least:
        yield f"{path} {what} {number}, less than {least}"
    if most is not None and number > most:
        yield f"{path} {what} {number}, more than {most}"


def _limits(request: Request) -> Iterator[str]:
    params = request.params or {}
    variables = params.get("Environment", {}).get("Variables") if request.service == "lambda" else None
    if variables and len(json.dumps(variables).encode()) > VARIABLES_BYTES:
        yield "the variables take more than 4 KB"
    if "retentionInDays" in params and params["retentionInDays"] not in RETENTION_DAYS:
        yield f"{params['retentionInDays']} days is none of the retention times"
    if request.service == "lambda" and "Runtime" in params and not RUNTIMES.fullmatch(params["Runtime"]):
        yield f"{params['Runtime']} is no runtime that is supported"
    for name in ("PolicyDocument", "Policy", "AssumeRolePolicyDocument"):
        if name in params:
            json.loads(params[name])
    for event_filter in params.get("FilterCriteria", {}).get("Filters", ()):
        json.loads(event_filter["Pattern"])


def _sums(requests: list[Request]) -> Iterator[str]:
    """Limits over several requests: they count what is in place at the same time."""
    policies: dict[str, dict[str, int]] = defaultdict(dict)
    filters: dict[str, set[str]] = defaultdict(set)
    for request in requests:
        if request.operation == "PutRolePolicy":
            size = len(re.sub(r"\s", "", request.param("PolicyDocument")))
            policies[request.param("RoleName")][request.param("PolicyName")] = size
        elif request.operation == "PutSubscriptionFilter":
            filters[request.param("logGroupName")].add(request.param("filterName"))
    for role, sizes in policies.items():
        if sum(sizes.values()) > ROLE_POLICIES_CHARACTERS:
            yield f"the policies of {role} have {sum(sizes.values())} characters"
    for group, names in filters.items():
        if len(names) > FILTERS_PER_GROUP:
            yield f"{group} has {len(names)} subscription filters"
