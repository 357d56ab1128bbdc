"""The smallest IAM policy for deploying, operating or reading one environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from cryptoctl.provisioners.policy import VERSION
from cryptoctl.reconcile.rights import Right, Use, rights
from cryptoctl.stack import Stack


class Purpose(StrEnum):
    """Whom a policy is for."""

    DEPLOY = "deploy"
    """up, plan, down, status, doctor"""
    OPERATE = "operate"
    """everything that reads, sending prices, and the dead letters"""
    READ = "read"
    """plan, status, outputs, envs, prices, logs, doctor"""


USES: Mapping[Purpose, frozenset[Use]] = {
    Purpose.DEPLOY: frozenset({Use.LOOK, Use.CHANGE}),
    Purpose.OPERATE: frozenset({Use.LOOK, Use.OPERATE}),
    Purpose.READ: frozenset({Use.LOOK}),
}


def needed(stack: Stack, purpose: Purpose) -> list[Right]:
    """The rights that the commands of a purpose need in this environment, as declared beside the calls."""
    found = [right for resource in stack for right in resource.rights()]
    if purpose is not Purpose.DEPLOY:
        found += _operations(stack)
    return [right for right in found if right.use in USES[purpose]]


def _operations(stack: Stack) -> Iterator[Right]:
    """What the operating commands do beyond looking at the resources."""
    yield from rights(Use.LOOK, "dynamodb", "Query", stack.prices.arn)
    yield from rights(Use.LOOK, "cloudwatch", "GetMetricStatistics", "*")  # it takes no resource
    for function in stack.functions:
        group = function.log_group
        yield from rights(Use.LOOK, "logs", "FilterLogEvents", group.arn, group.streams_arn)
    yield from rights(Use.OPERATE, "lambda", "InvokeFunction", stack.webhook.arn, stack.enricher.arn)
    # What failed on the stream is read from it again; its label is AWS's.
    streams = f"{stack.prices.arn}/stream/*"
    yield from rights(Use.OPERATE, "dynamodb", "GetShardIterator GetRecords", streams)
    yield from rights(Use.OPERATE, "dynamodb", "GetItem BatchGetItem UpdateItem Scan", stack.prices.arn)
    for queue in (stack.webhook_dead_letters, stack.enricher_dead_letters):
        yield from rights(
            Use.OPERATE, "sqs", "ReceiveMessage SendMessage DeleteMessage ChangeMessageVisibility", queue.arn
        )


def policy(stack: Stack, purpose: Purpose) -> dict[str, Any]:
    """The rights as a policy document: one statement for each set of resources and condition."""
    grouped: dict[tuple[tuple[str, ...], str], tuple[Right, set[str]]] = {}
    for right in needed(stack, purpose):
        key = right.resources, repr(right.condition)
        grouped.setdefault(key, (right, set()))[1].add(right.action)
    merged: dict[tuple[tuple[str, ...], str], tuple[Right, list[str]]] = {}
    for (_, condition), (right, actions) in grouped.items():
        # The same actions under the same condition on several resources are one statement.
        same = merged.setdefault((tuple(sorted(actions)), condition), (right, []))
        same[1].extend(each for each in right.resources if each not in same[1])
    return {
        "Version": VERSION,
        "Statement": [
            {
                "Effect": "Allow",
                "Action": list(actions),
                "Resource": resources if resources != ["*"] else "*",
                **({"Condition": right.condition} if right.condition else {}),
            }
            for (actions, _), (right, resources) in merged.items()
        ],
    }
