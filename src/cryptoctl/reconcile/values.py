"""What a request or a field may be made of: plain data, and three things that are filled in later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, TypeAlias

# Scalars, bytes, tuples and mappings of them, Ref, JsonDocument and Secret.
# Spelling the recursion out buys nothing.
Value: TypeAlias = Any
Fields: TypeAlias = Mapping[str, Value]


class Resource:
    """What a Ref points to; every provisioner is one."""


@dataclass(frozen=True)
class Ref:
    """A value that only AWS can assign (a key's id, a stream's label), known once its resource is there."""

    resource: Resource
    output: str

    def __str__(self) -> str:
        return f"({self.output} of {self.resource})"


@dataclass(frozen=True)
class JsonDocument:
    """A document that AWS takes as JSON text; kept open until it is sent, since Refs may stand in it."""

    document: Value


@dataclass(frozen=True, kw_only=True)
class ReadRequest:
    """A reading request, and where in its answer the value and its version stand (JMESPath).

    Each write raises the version by one and has it at `written_version` in its answer;
    `params_of_version` gives the parameters that read that version.
    """

    service: str
    operation: str
    params: Fields
    path: str
    version: str
    written_version: str
    params_of_version: Callable[[int], Fields]


@dataclass(frozen=True, repr=False, eq=False)
class Secret:
    """A value that is made once, when it is first sent, and that nobody is ever shown.

    It is compared by existence: where `observe` gives EXISTS, there is no difference. With `current`
    nothing is made: the value that is there is read immediately before each request that sends it again,
    and what another has written between the two is put back.
    """

    make: Callable[[], str]
    current: ReadRequest | None = None

    EXISTS: ClassVar[str] = "(secret, exists)"

    def __str__(self) -> str:
        return "(secret)"

    __repr__ = __str__


def leaves(value: Value) -> Iterator[Value]:
    """Everything in a value that is not made of values itself, in reading order. Dataclasses are opened."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from leaves(item)
    elif is_dataclass(value) and not isinstance(value, Ref | Secret | Resource):
        for item in fields(value):
            yield from leaves(getattr(value, item.name))
    else:
        yield value


def refs(value: Value) -> Iterator[Ref]:
    """Every Ref in a value, in reading order."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, Ref))


def map_leaves(
    function: Callable[[Value], Value],
    value: Value,
    *,
    sequence: Callable[[Iterator[Value]], Value] = tuple,
    document: Callable[[Value], Value] = JsonDocument,
) -> Value:
    """The same value with `function` applied to each leaf.

    Lists and tuples are made anew by `sequence`, the content of a JsonDocument by `document`.
    """

    def mapped(item: Value) -> Value:
        if isinstance(item, JsonDocument):
            return document(mapped(item.document))
        if isinstance(item, Mapping):
            return {key: mapped(member) for key, member in item.items()}
        if isinstance(item, tuple | list):
            return sequence(mapped(element) for element in item)
        return function(item)

    return mapped(value)


def frozen(value: Value) -> Value:
    """The same value with lists turned into tuples, so that it can be compared with a desired one."""
    return map_leaves(lambda leaf: leaf, value)


def resolve(value: Value, lookup: Callable[[Ref], Value]) -> Value:
    """Replaces each Ref by what `lookup` gives for it; a Ref that it gives back stays."""
    return map_leaves(lambda leaf: lookup(leaf) if isinstance(leaf, Ref) else leaf, value)


def serialize(value: Value, reveal: Callable[[Secret], str] = str) -> Value:
    """A resolved value as the AWS client takes it: documents as JSON text, tuples as lists.

    `reveal` gives a secret's text; without it the text is only what may be shown.
    """
    return map_leaves(
        lambda leaf: reveal(leaf) if isinstance(leaf, Secret) else leaf,
        value,
        sequence=list,
        document=lambda content: json.dumps(content, separators=(",", ":")),
    )
