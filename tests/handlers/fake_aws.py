"""AWS in memory: a table with a stream, a topic, a queue; faults where asked for.

`connect` puts it behind a real botocore client, which checks every request against the service model; only
the network is missing. `Direct` is a client without botocore, a hundred times as fast.
`test_fake_aws.py` holds the table against the embedded engine.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

Item = dict[str, dict[str, Any]]
Params = Mapping[str, Any]

_SET = re.compile(r'(SET|REMOVE) "(\w+)"(=\?)?')
_WHERE = re.compile(r'WHERE "symbol"=\? AND "timestamp"=\? AND "rev"(=\?| IS MISSING)$')


class FaultError(Exception):
    """An error that AWS answers with."""

    def __init__(self, code: str, message: str = "", **members: Any) -> None:
        super().__init__(code)
        self.answer = {"Error": {"Code": code, "Message": message}, **members}


class Units:
    """Of what was read and written, the capacity units: worked out where somebody asks for them."""

    def __init__(self) -> None:
        self._noted: dict[str, list[tuple[Sequence[Item], float]]] = {"read": [], "write": []}

    def note(self, kind: str, items: Sequence[Item], share: float = 1.0) -> None:
        """A request that reads or writes these items. `share`: what a unit of it costs."""
        self._noted[kind].append((items, share))

    def clear(self) -> None:
        """Forgets all."""
        for noted in self._noted.values():
            noted.clear()

    def __getitem__(self, kind: str) -> float:
        unit_bytes = 4096 if kind == "read" else 1024
        return sum(
            share * max(1, -(-sum(map(_size, items)) // unit_bytes)) for items, share in self._noted[kind]
        )


@dataclass(repr=False)
class FakeAws:
    """What the clients see. `fault` may raise a FaultError before or, to lose the answer, after the work."""

    items: dict[tuple[str, Decimal], Item] = field(default_factory=dict)
    stream: list[dict[str, Any]] = field(default_factory=list)
    announced: list[dict[str, Any]] = field(default_factory=list)
    queue: list[dict[str, Any]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    units: Units = field(default_factory=Units)
    refuse_messages: Callable[[dict[str, Any]], bool] = lambda entry: False
    refuse_updates: Callable[[str], str | None] = lambda symbol: None
    fault: Callable[[str, str], None] = lambda operation, moment: None
    parameters: dict[str, str] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    stale_reads: bool = True  # a read that is not consistent misses the last write
    undo: tuple[tuple[str, Decimal], Item | None] | None = None  # of the last write

    def answer(self, operation: str, params: Params) -> dict[str, Any]:
        with self.lock:
            self.calls[operation] += 1
            self.fault(operation, "before")
            result: dict[str, Any] = getattr(self, xform_name(operation))(params)
            self.fault(operation, "after")
            return result

    def put_item(self, params: Params) -> dict[str, Any]:
        item = params["Item"]
        key = _key(item)
        self.units.note("write", [item])
        if params.get("ConditionExpression") == "attribute_not_exists(symbol)" and key in self.items:
            assert params["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"
            raise FaultError("ConditionalCheckFailedException", Item=self.items[key])
        self._write(key, item)
        return {}

    def query(self, params: Params) -> dict[str, Any]:
        expressions = params["KeyConditionExpression"] + params.get("ProjectionExpression", "")
        assert all(name in expressions for name in params["ExpressionAttributeNames"]), (
            "an unused name is refused"
        )
        items = (
            self.items
            if params.get("ConsistentRead") or not self.stale_reads
            else self._as_before_the_last_write()
        )
        matching = sorted(_matching(items, params), reverse=not params.get("ScanIndexForward", True))
        page = matching[: params.get("Limit", len(matching))]
        read = [items[key] for key in page]
        self.units.note("read", read, 1.0 if params.get("ConsistentRead") else 0.5)
        attributes = _projection(params)
        answer: dict[str, Any] = {"Items": [_projected(item, attributes) for item in read]}
        if len(page) == params.get("Limit"):  # as DynamoDB does, even where nothing follows
            symbol, number = page[-1]
            answer["LastEvaluatedKey"] = {"symbol": {"S": symbol}, "timestamp": {"N": str(number)}}
        return answer

    def update_item(self, params: Params) -> dict[str, Any]:
        """Only for the plain implementation of the benchmark: SET name=:name, …"""
        key = _key(params["Key"])
        item = dict(self.items[key])
        for part in params["UpdateExpression"].removeprefix("SET ").split(", "):
            name, value = part.split("=")
            item[name] = params["ExpressionAttributeValues"][value]
        self.units.note("write", [item])
        self._write(key, item)
        return {}

    def batch_execute_statement(self, params: Params) -> dict[str, Any]:
        assert len(params["Statements"]) <= 25
        return {"Responses": [self._execute(statement) for statement in params["Statements"]]}

    def publish_batch(self, params: Params) -> dict[str, Any]:
        entries = params["PublishBatchRequestEntries"]
        assert len(entries) <= 10
        refused = [entry for entry in entries if self.refuse_messages(entry)]
        self.announced += [entry for entry in entries if entry not in refused]
        failed = [{"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in refused]
        return {
            "Successful": [{"Id": entry["Id"]} for entry in entries if entry not in refused],
            "Failed": failed,
        }

    def publish(self, params: Params) -> dict[str, Any]:
        self.announced.append(dict(params))
        return {"MessageId": "1"}

    def send_message(self, params: Params) -> dict[str, Any]:
        self.queue.append(dict(params))
        return {"MessageId": "1"}

    def get_parameter(self, params: Params) -> dict[str, Any]:
        assert params["WithDecryption"] is True
        if params["Name"] not in self.parameters:
            raise FaultError("ParameterNotFound")
        return {"Parameter": {"Name": params["Name"], "Value": self.parameters[params["Name"]]}}

    def delete(self, symbol: str, key: str) -> None:
        del self.items[symbol, Decimal(key)]

    def put(self, item: Item) -> None:
        """As somebody writes by hand."""
        self._write(_key(item), item)

    def items_of(self, symbol: str) -> list[Item]:
        """The symbol's items in key order."""
        return [self.items[key] for key in sorted(self.items) if key[0] == symbol]

    def copied(self) -> "FakeAws":
        """Another one with the same table and announcements, which goes on by itself."""
        return FakeAws(
            items=dict(self.items), stream=[*self.stream], announced=[*self.announced], undo=self.undo
        )

    def inserts(self) -> list[dict[str, Any]]:
        """What the mapping's filter lets through."""
        return [record for record in self.stream if record["eventName"] == "INSERT"]

    def _as_before_the_last_write(self) -> dict[tuple[str, Decimal], Item]:
        """What a read that is not consistent may see."""
        items = dict(self.items)
        if self.undo is not None:
            key, item = self.undo
            items.pop(key, None)
            if item is not None:
                items[key] = item
        return items

    def _execute(self, statement: Params) -> dict[str, Any]:
        """An UPDATE as table.py writes it; it must be understood in full."""
        text, parameters = statement["Statement"], list(statement["Parameters"])
        where = _WHERE.search(text)
        assert where is not None, text
        assignments = _SET.findall(text[: where.start()])
        assert re.fullmatch(r'UPDATE "[\w.-]+" ', _SET.sub("", text[: where.start()]).rstrip() + " "), text
        values = {name: parameters.pop(0) for verb, name, _ in assignments if verb == "SET"}
        key = parameters[0]["S"], Decimal(parameters[1]["N"])
        refused = self.refuse_updates(key[0])
        if refused:
            return {"Error": {"Code": refused, "Message": "refused"}}
        expected = parameters[2] if where[1] == "=?" else None
        self.units.note("write", [self.items.get(key, {})])
        if key not in self.items or self.items[key].get("rev") != expected:
            return {"Error": {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}}
        removed = {name for verb, name, _ in assignments if verb == "REMOVE"}
        self._write(
            key,
            {attribute: value for attribute, value in self.items[key].items() if attribute not in removed}
            | values,
        )
        return {"TableName": "t"}

    def _write(self, key: tuple[str, Decimal], item: Item) -> None:
        record = {
            "eventName": "MODIFY" if key in self.items else "INSERT",
            "dynamodb": {
                "SequenceNumber": str(100_000_000_000 + len(self.stream)),
                "Keys": {name: item[name] for name in ("symbol", "timestamp")},
                "NewImage": dict(item),
            },
        }
        self.undo = key, self.items.get(key)
        self.items[key] = dict(item)
        self.stream.append(record)


_BOUNDS: dict[str, Callable[[Decimal, Mapping[str, Decimal]], bool]] = {
    "": lambda key, bound: True,
    "#timestamp < :key": lambda key, bound: key < bound[":key"],
    "#timestamp <= :key": lambda key, bound: key <= bound[":key"],
    "#timestamp >= :key": lambda key, bound: key >= bound[":key"],
    "#timestamp BETWEEN :first AND :last": lambda key, bound: bound[":first"] <= key <= bound[":last"],
}


class Direct:
    """The table's, the topic's, the queue's and the parameters' client in one, without botocore."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws

    def put_item(self, **request: Any) -> Any:
        return self.ask("PutItem", request)

    def query(self, **request: Any) -> Any:
        return self.ask("Query", request)

    def batch_execute_statement(self, **request: Any) -> Any:
        return self.ask("BatchExecuteStatement", request)

    def publish(self, **request: Any) -> Any:
        return self.ask("Publish", request)

    def publish_batch(self, **request: Any) -> Any:
        return self.ask("PublishBatch", request)

    def send_message(self, **request: Any) -> Any:
        return self.ask("SendMessage", request)

    def get_parameter(self, **request: Any) -> Any:
        return self.ask("GetParameter", request)

    def ask(self, operation: str, request: dict[str, Any]) -> Any:
        try:
            return self.aws.answer(operation, request)
        except FaultError as fault:
            raise ClientError(fault.answer, operation) from None


def connect(client: Any, aws: Callable[[], FakeAws]) -> None:
    """From now on the client talks to what `aws` gives, instead of the network."""
    service = client.meta.service_model.service_name
    arguments = threading.local()

    def remember(params: dict[str, Any], **_: Any) -> None:
        arguments.params = params

    def reply(model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        try:
            answer = aws().answer(model.name, arguments.params)
        except FaultError as fault:
            return SimpleNamespace(status_code=400, headers={}), fault.answer
        return SimpleNamespace(status_code=200, headers={}), answer

    client.meta.events.register(f"before-parameter-build.{service}", remember)
    client.meta.events.register(f"before-call.{service}", reply)


def _matching(items: Mapping[tuple[str, Decimal], Item], params: Params) -> list[tuple[str, Decimal]]:
    values = params["ExpressionAttributeValues"]
    symbol = values[":symbol"]["S"]
    bounds = params["KeyConditionExpression"].removeprefix("#symbol = :symbol").removeprefix(" AND ")
    within = _BOUNDS[bounds]
    numbers = {name: Decimal(value["N"]) for name, value in values.items() if name != ":symbol"}
    keys = [key for key in items if key[0] == symbol and within(key[1], numbers)]
    start = params.get("ExclusiveStartKey")
    if start is None:
        return keys
    last, forward = Decimal(start["timestamp"]["N"]), params.get("ScanIndexForward", True)
    return [key for key in keys if (key[1] > last if forward else key[1] < last)]


def _key(item: Mapping[str, Any]) -> tuple[str, Decimal]:
    number = Decimal(item["timestamp"]["N"])
    digits = "".join(map(str, number.as_tuple().digits))
    assert len(digits.strip("0")) <= 38
    return item["symbol"]["S"], number


def _projection(params: Params) -> set[str] | None:
    """The attributes that are asked for; None for all."""
    names = params.get("ExpressionAttributeNames", {})
    projection = params.get("ProjectionExpression")
    if projection is None:
        return None
    return {names.get(name.strip(), name.strip()) for name in projection.split(",")}


def _projected(item: Item, attributes: set[str] | None) -> Item:
    return {name: value for name, value in item.items() if attributes is None or name in attributes}


def _size(item: Item) -> int:
    """Bytes, by DynamoDB's rules: a number has a byte for two digits and one more, a boolean one."""
    total = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        total += len(name.encode())
        if kind == "N":
            total += 1 + (len(Decimal(content).normalize().as_tuple().digits) + 1) // 2
        else:
            total += 1 if kind == "BOOL" else len(str(content).encode())
    return total
