"""What a request or a field may be made of: plain data, and two things that are filled in later."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from cryptoctl.reconcile.provisioner import Provisioner

# Scalars, bytes, tuples and mappings of them, Ref and Json. Spelling the recursion out buys nothing here.
Value: TypeAlias = Any
Fields: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True)
class Ref:
    """A value that only AWS can assign (a key's id, a stream's label), known once its resource is there."""

    of: Provisioner
    output: str

    def __str__(self) -> str:
        return f"({self.output} of {self.of})"


@dataclass(frozen=True)
class Json:
    """A document that AWS takes as JSON text; kept open until it is sent, since Refs may stand in it."""

    document: Value


Lookup: TypeAlias = Callable[[Ref], Value]


def frozen(value: Value) -> Value:
    """The same value with lists turned into tuples, so that it can be compared with a desired one."""
    if isinstance(value, Mapping):
        return {key: frozen(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(frozen(item) for item in value)
    return value


def resolve(value: Value, lookup: Lookup) -> Value:
    """Replaces each Ref by what `lookup` gives for it; a Ref that it gives back stays."""
    if isinstance(value, Ref):
        return lookup(value)
    if isinstance(value, Json):
        return Json(resolve(value.document, lookup))
    if isinstance(value, Mapping):
        return {key: resolve(item, lookup) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(resolve(item, lookup) for item in value)
    return value


def refs_in(value: Value) -> Iterator[Ref]:
    """Every Ref inside a value, in reading order."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Json):
        yield from refs_in(value.document)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from refs_in(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from refs_in(item)


def wire(value: Value) -> Value:
    """A resolved value as the AWS client takes it: documents as JSON text, tuples as lists."""
    if isinstance(value, Json):
        return json.dumps(wire(value.document), separators=(",", ":"))
    if isinstance(value, Mapping):
        return {key: wire(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [wire(item) for item in value]
    return value
