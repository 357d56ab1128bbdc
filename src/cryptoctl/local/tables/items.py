"""PutItem, GetItem, UpdateItem and DeleteItem, each as a step that the batches and transactions use too."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptoctl.local.http import ServiceError
from cryptoctl.local.tables.evaluate import holds, project
from cryptoctl.local.tables.grammar import Names, Path, parse_condition, parse_projection
from cryptoctl.local.tables.store import StoredTable, TableStore
from cryptoctl.local.tables.update import Action, apply, parse_update
from cryptoctl.local.tables.values import Item, invalid, normal

LEGACY: Final[tuple[str, ...]] = (
    "Expected",
    "ConditionalOperator",
    "AttributeUpdates",
    "AttributesToGet",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
)


class ConditionFailedError(ServiceError):
    """A condition did not hold; `item` is what was found instead."""

    def __init__(self, item: Item | None, shown: bool) -> None:
        extra: dict[str, Any] = {"Item": item} if shown and item is not None else {}
        super().__init__("ConditionalCheckFailedException", "The conditional request failed", **extra)
        self.item = item if shown else None


@dataclass(frozen=True, kw_only=True)
class Write:
    """One write, ready to be made: where, on what condition, and to what."""

    table: StoredTable
    place: tuple[bytes, bytes]
    condition: Any
    show_failed: bool
    put: Item | None = None
    changes: tuple[Action, ...] | None = None
    key: Item | None = None
    check_only: bool = False

    def result(self, old: Item | None) -> Item | None:
        """What the item becomes."""
        if self.changes is not None:
            return apply(list(self.changes), old or dict(self.key or {}))
        return self.put

    def check(self, old: Item | None) -> None:
        """Raises ConditionFailedError where the condition does not hold."""
        if self.condition is not None and not holds(self.condition, old or {}):
            raise ConditionFailedError(old, self.show_failed)


def item_of(asked: Any) -> Item:
    """A request's item or key, in normal form."""
    if not isinstance(asked, Mapping):
        raise invalid("An item or key is missing.")
    return {str(name): normal(value) for name, value in asked.items()}


def refuse_legacy(asked: Mapping[str, Any]) -> None:
    """The parameters that expressions replaced long ago are not understood here."""
    found = [name for name in LEGACY if asked.get(name)]
    if found:
        raise invalid(
            f"The embedded engine does not take the legacy parameter {found[0]}; use an expression."
        )


def prepare(table: StoredTable, kind: str, asked: Mapping[str, Any]) -> Write:
    """Reads a Put, Update, Delete or ConditionCheck; raises ServiceError where it cannot be right."""
    refuse_legacy(asked)
    names = Names(asked.get("ExpressionAttributeNames"), asked.get("ExpressionAttributeValues"))
    changes: tuple[Action, ...] | None = None
    put = item_of(asked.get("Item")) if kind == "Put" else None
    key = None if kind == "Put" else item_of(asked.get("Key"))
    if kind == "Update":
        text = asked.get("UpdateExpression")
        changes = tuple(parse_update(text, names)) if text is not None else ()
        _refuse_key_changes(table, changes)
    condition = asked.get("ConditionExpression")
    tree = parse_condition(condition, "ConditionExpression", names) if condition is not None else None
    names.check_all_used()
    return Write(
        table=table,
        place=table.place(put) if put is not None else table.exact_place(key or {}),
        condition=tree,
        show_failed=asked.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD",
        put=put,
        changes=changes,
        key=key,
        check_only=kind == "ConditionCheck",
    )


def _refuse_key_changes(table: StoredTable, changes: tuple[Action, ...]) -> None:
    keys = {name for name, _ in table.keys.values()}
    for change in changes:
        if change.path.steps[0] in keys:
            raise invalid(
                "One or more parameter values were invalid: "
                f"Cannot update attribute {change.path.steps[0]}. This attribute is part of the key"
            )


def make(store: TableStore, write: Write) -> tuple[Item | None, Item | None]:
    """Makes a write; what the item was and what it is now."""
    old = store.get(write.table, write.place)
    write.check(old)
    if write.check_only:
        return old, old
    new = write.result(old)
    store.put(write.table, write.place, old, new)
    return old, new


def write_item(store: TableStore, table: StoredTable, kind: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """One of the three writing operations, with what it returns."""
    wanted = asked.get("ReturnValues") or "NONE"
    if wanted not in _RETURNS[kind]:
        raise invalid(
            f"Return values set to invalid value: ReturnValues can only be {' or '.join(_RETURNS[kind])}"
        )
    write = prepare(table, kind, asked)
    old, new = make(store, write)
    shown = _returned(wanted, write, old, new)
    return {"Attributes": shown} if shown else {}


_RETURNS: Final[dict[str, tuple[str, ...]]] = {
    "Put": ("NONE", "ALL_OLD"),
    "Delete": ("NONE", "ALL_OLD"),
    "Update": ("NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"),
}


def _returned(wanted: str, write: Write, old: Item | None, new: Item | None) -> Item | None:
    if wanted == "NONE":
        return None
    source = (old if wanted.endswith("OLD") else new) or {}
    if wanted.startswith("ALL"):
        return source
    changed = {
        json.dumps(change.path.steps[:1]): Path(change.path.steps[:1]) for change in write.changes or ()
    }
    return project(source, list(changed.values()))


def projection(asked: Mapping[str, Any], names: Names) -> list[Path] | None:
    """The paths a read asks for, or None for all."""
    text = asked.get("ProjectionExpression")
    return None if text is None else parse_projection(text, names)


def get_item(store: TableStore, table: StoredTable, asked: Mapping[str, Any]) -> dict[str, Any]:
    """GetItem."""
    refuse_legacy(asked)
    names = Names(asked.get("ExpressionAttributeNames"), None)
    paths = projection(asked, names)
    names.check_all_used()
    found = store.get(table, table.exact_place(item_of(asked.get("Key"))))
    return {} if found is None else {"Item": project(found, paths)}
