"""One environment, its functions behind a door each, and what can be done to it and seen of it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hostile.clients import REGION, ProcessResult
from hostile.inventory import Account
from hostile.lengths import Window
from hostile.proxy import HostileProxy
from hostile.world import World
from kit.waiting import eventually
from permissions.authorization import Place, Policy
from permissions.guard import Guard

STAGE = "stage"
LIFE = "life"
NOTHING = "nothing"
FRESH = "fresh"
ACCOUNT = "0" * 12
WEBHOOK, ENRICHER, NOTIFIER = "webhook-processor", "price-enricher", "error-notifier"
FUNCTIONS = (WEBHOOK, ENRICHER, NOTIFIER)
# Batches are not waited for; a subscriber makes `sns:Subscribe` one of the rights. One alarm asks for what
# all of them would.
ONE_ALARM = """dead_letters = "off"
errors = "off"
throttles = "off"
unauthorized = "off"
"""
CONFIGURATION = f"""
[env.{STAGE}.stream]
window_s = 0

[env.{STAGE}.alarms]
{ONE_ALARM}
[env.{STAGE}.webhook.senders.desk]
preset = "standard-webhooks"

[env.{LIFE}.alarms]
{ONE_ALARM}
[env.{LIFE}]
alert_subscribers = ["arn:aws:sqs:{REGION}:{ACCOUNT}:webhook-processor-dlq-{LIFE}"]

[env.{LIFE}.webhook.senders.desk]
preset = "standard-webhooks"

[env.{NOTHING}]
[env.{FRESH}]
"""


def place_of(world: World) -> Place:
    """Where the policies are weighed."""
    return Place(account=ACCOUNT, region=REGION, engine=world.account)


def policy_of(world: World, environment: str, purpose: str) -> Policy:
    """What `iam-policy` prints, all parts of it; it asks AWS for nothing but who is calling."""
    world.proxy.behave()
    statements: list[Any] = []
    part, parts = 1, 1
    while part <= parts:
        words = ("--for", purpose, "--part", str(part), "--env", environment, "--aws", "--output", "json")
        result = world.clients.run("iam-policy", *words)
        assert result.code == 0, result.err
        document = result.document()
        statements += document["policy"]["Statement"]
        part, parts = part + 1, document["parts"]
    return {"Statement": statements}


class Stage:
    """The environment, up, and its doors."""

    def __init__(self, world: World, doors: dict[str, HostileProxy]) -> None:
        self.world, self.doors, self.place = world, doors, place_of(world)
        self.account = world.account
        self._number = 0

    def run(self, *arguments: str) -> ProcessResult:
        """A command, through whatever the proxy is just now."""
        return self.world.clients.run(*arguments, "--env", STAGE, "--aws")

    def role(self, function: str) -> Policy:
        """All that the function's role allows, as it stands in IAM."""
        iam, role = self.account["iam"], f"{function}-{STAGE}-role"
        documents = [
            iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        ]
        return {"Statement": [statement for document in documents for statement in document["Statement"]]}

    def guard(self, function: str, *, without: str = "", more: Sequence[Window] = ()) -> Guard:
        """From now on the function has what its role allows, but for one action; `more` goes wrong too."""
        guard = Guard(self.role(function), self.place, without=without)
        self.doors[function].behave(more=(guard, *more))
        return guard

    def open(self) -> None:
        """Nothing stands in the functions' way, nor in the commands'."""
        for door in (*self.doors.values(), self.world.proxy):
            door.behave()

    def price(self, symbol: str, price: str = "100", **more: object) -> str:
        """A price's JSON text, each at a time of its own."""
        self._number += 1
        moment_ms = int(time.time() * 1000) - 600_000 + self._number
        fields = {"symbol": symbol, "price": price, "exchange": "kraken", "timestamp": moment_ms, **more}
        return json.dumps(fields)

    def invoke(self, function: str, event: object, kind: str = "RequestResponse") -> tuple[str, Any]:
        """Invokes; why it failed (empty: it has not), and what it answered."""
        reply = self.account["lambda"].invoke(
            FunctionName=f"{function}-{STAGE}", InvocationType=kind, Payload=json.dumps(event).encode()
        )
        answer = json.loads(reply["Payload"].read() or b"null")
        return (answer["errorMessage"] if reply.get("FunctionError") else ""), answer

    def send(self, *texts: str) -> str:
        """Prices by a direct invocation; why it failed."""
        return self.invoke(WEBHOOK, {"body": f"[{','.join(texts)}]"})[0]

    def signed(self, symbol: str) -> dict[str, Any]:
        """A price as the function URL hands it over, from the sender that is configured."""
        name = f"/cryptoctl/{STAGE}/webhook/desk"
        text = self.account["ssm"].get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        key = base64.b64decode(json.loads(text)["secret"].removeprefix("whsec_"))
        body, now_s = self.price(symbol), int(time.time())
        signature = hmac.digest(key, f"{symbol}.{now_s}.{body}".encode(), "sha256")
        return {
            "rawPath": "/desk",
            "headers": {
                "content-type": "application/json",
                "webhook-id": symbol,
                "webhook-timestamp": str(now_s),
                "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
            },
            "requestContext": {
                "http": {"method": "POST", "path": "/desk", "sourceIp": "127.0.0.1"},
                "timeEpoch": now_s * 1000,
            },
            "body": body,
            "isBase64Encoded": False,
        }

    def renew(self, function: str) -> None:
        """What the function has read so far is forgotten: its next invocation starts it anew."""
        name = f"{function}-{STAGE}"
        self.account["lambda"].update_function_configuration(
            FunctionName=name, Description=f"no. {time.time_ns()}"
        )
        updated(self.account, name)

    def store(self, *texts: str) -> None:
        """Prices by a direct invocation, which must be taken."""
        error = self.send(*texts)
        assert error == "", error

    def put(self, symbol: str, **attributes: dict[str, object]) -> None:
        """An item past the webhook processor."""
        price = json.loads(self.price(symbol))
        item = {
            "symbol": {"S": symbol},
            "timestamp": {"N": str(price["timestamp"])},
            "price": {"N": price["price"]},
            "exchange": {"S": price["exchange"]},
            "volume": {"N": "1"},
            "processed": {"BOOL": False},
            **attributes,
        }
        self.account["dynamodb"].put_item(TableName=f"crypto-prices-{STAGE}", Item=item)

    def items(self, symbol: str) -> list[dict[str, Any]]:
        answer = self.account["dynamodb"].query(
            TableName=f"crypto-prices-{STAGE}",
            KeyConditionExpression="symbol = :symbol",
            ExpressionAttributeValues={":symbol": {"S": symbol}},
            ConsistentRead=True,
        )
        items: list[dict[str, Any]] = answer["Items"]
        return items

    def enriched(self, symbol: str, number: int) -> None:
        """Waits until so many prices of a symbol are enriched."""

        def done() -> bool:
            items = self.items(symbol)
            return len(items) == number and all(item["processed"]["BOOL"] for item in items)

        eventually(done, f"{number} prices of {symbol} to be enriched")

    def letters(self, function: str) -> list[dict[str, Any]]:
        """What waits in a function's dead-letter queue; left there."""
        url = self.queue(f"{function}-dlq-{STAGE}")
        return received(self.account, url)

    def letter(self, function: str, *pieces: str) -> dict[str, Any]:
        """The first message with these pieces in its body or attributes, once there is one."""

        def look() -> dict[str, Any] | None:
            letters = self.letters(function)
            return next(
                (letter for letter in letters if all(piece in json.dumps(letter) for piece in pieces)), None
            )

        return eventually(look, f"{pieces} in the dead letters of {function}")

    def pointers(self) -> int:
        """How many dead letters point into the stream."""
        return sum("DDBStreamBatchInfo" in letter["Body"] for letter in self.letters(ENRICHER))

    def queue(self, name: str) -> str:
        return str(self.account["sqs"].get_queue_url(QueueName=name)["QueueUrl"])

    def listen(self, topic: str) -> str:
        """A new queue that hears what is published on a topic; its URL."""
        sqs, name = self.account["sqs"], f"hears-{topic}"
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        self.account["sns"].subscribe(
            TopicArn=self.place.arn("sns", f"{topic}-{STAGE}"),
            Protocol="sqs",
            Endpoint=self.place.arn("sqs", name),
        )
        return str(url)

    def log(self, function: str) -> list[dict[str, Any]]:
        """Every log event of a function."""
        events: list[dict[str, Any]] = []
        pages = self.account["logs"].get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/aws/lambda/{function}-{STAGE}"):
            events += page["events"]
        return events

    def logged_line(self, function: str, *pieces: str) -> str:
        """The first log line with these pieces, once there is one."""

        def look() -> str | None:
            lines = (event["message"] for event in self.log(function))
            return next((line for line in lines if _has(line, pieces)), None)

        return eventually(look, f"{pieces} in the log of {function}")


def _has(text: str, pieces: Sequence[str]) -> bool:
    return all(piece in text for piece in pieces)


def received(account: Any, url: str) -> list[dict[str, Any]]:
    """Every message of a queue, which can be received again at once."""
    messages_by_id: dict[str, dict[str, Any]] = {}
    receipts: list[str] = []
    params = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"], "VisibilityTimeout": 30}
    while messages := account["sqs"].receive_message(QueueUrl=url, **params).get("Messages"):
        receipts += [message.pop("ReceiptHandle") for message in messages]
        messages_by_id |= {message["MessageId"]: message for message in messages}
    for receipt in receipts:
        account["sqs"].change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
    return list(messages_by_id.values())


@contextmanager
def a_stage(world: World, doors: dict[str, HostileProxy]) -> Iterator[Stage]:
    """Brings the environment up, and puts a door before each of its functions.

    It is left as it is: the engine takes it along, and the next stage on the same engine removes it first.
    """
    stage = Stage(world, doors)
    stage.open()
    if f"crypto-prices-{STAGE}" in world.account["dynamodb"].list_tables()["TableNames"]:
        world.down(STAGE)
    world.up(STAGE)
    for name, door in doors.items():
        _see_through(stage, name, door.url)
    yield stage
    stage.open()


def _see_through(stage: Stage, function: str, url: str) -> None:
    """All that the function asks of AWS goes through this proxy; in lower case, `no_proxy` is stronger."""
    functions, name = stage.account["lambda"], f"{function}-{STAGE}"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    variables |= {"http_proxy": url, "no_proxy": ""}
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": variables})
    updated(stage.account, name)


def updated(account: Account, name: str) -> None:
    """Waits until a function's update is done."""

    def settled() -> bool:
        configuration = account["lambda"].get_function_configuration(FunctionName=name)
        return bool(configuration.get("LastUpdateStatus") == "Successful")

    eventually(settled, f"{name} to be updated")
