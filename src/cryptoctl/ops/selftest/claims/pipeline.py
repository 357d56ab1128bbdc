"""The environment as a whole: a price on its way, metrics, and the tag index."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptoctl.ops.invoking import invoke
from cryptoctl.ops.selftest.check_context import CheckContext
from cryptoctl.ops.selftest.claim import AwsClaim, Evidence, differs, failed, holds, not_shown
from cryptoctl.ops.selftest.environment import SelftestStack
from cryptoctl.provisioners.key_search import INDEX_LAG
from cryptoctl.provisioners.metric import Metric, function_metric, own_metric, waiting_metric
from cryptoctl.provisioners.tags import key_values

SYMBOL = "BTC"
ENRICHED_WITHIN_S = 120
MEASURED_WITHIN_S = 300
INDEXED_WITHIN_S = 300
PRICES = tuple(range(1, 6))


def _prices_are_enriched(context: CheckContext) -> Evidence:
    for price in PRICES:
        text = json.dumps({"symbol": SYMBOL, "price": price, "exchange": "selftest", "id": str(price)})
        response = invoke(context.aws, context.stack.webhook, text)
        if response.status != 200:
            return failed(f"{response.status}: {response.body}")
    seconds = context.seconds_until(lambda: len(_enriched(context)) == len(PRICES), ENRICHED_WITHIN_S)
    if seconds is None:
        return differs(f"{len(_enriched(context))} of {len(PRICES)} within {ENRICHED_WITHIN_S} s")
    averages = [item["ma_5"]["N"] for item in _enriched(context) if "ma_5" in item]
    return (
        holds(f"after {seconds:.1f} s; ma_5 {averages}") if averages == ["3"] else differs(f"ma_5 {averages}")
    )


def _enriched(context: CheckContext) -> list[dict[str, Any]]:
    response = context.aws.call(
        "dynamodb",
        "Query",
        TableName=context.stack.prices.name,
        KeyConditionExpression="symbol = :symbol",
        ExpressionAttributeValues={":symbol": {"S": SYMBOL}},
        ConsistentRead=True,
    )
    return [item for item in response["Items"] if item.get("processed", {}).get("BOOL")]


def _metric_has_values(metric_of: Callable[[SelftestStack], Metric]) -> Callable[[CheckContext], Evidence]:
    def check(context: CheckContext) -> Evidence:
        metric = metric_of(context.stack)
        name = f"{metric.namespace} {metric.name}"

        def there() -> bool:
            now = datetime.now(UTC)
            response = context.aws.call(
                "cloudwatch",
                "GetMetricStatistics",
                Namespace=metric.namespace,
                MetricName=metric.name,
                Dimensions=key_values(metric.dimensions, "Name", "Value"),
                StartTime=now - timedelta(minutes=30),
                EndTime=now + timedelta(minutes=1),
                Period=60,
                Statistics=["Maximum"],
            )
            return bool(response["Datapoints"])

        seconds = context.seconds_until(there, MEASURED_WITHIN_S)
        if seconds is None:
            # CloudWatch may be later than that; a name that is wrong is never there.
            return not_shown(f"no value within {MEASURED_WITHIN_S} s: look at {name} later")
        return holds(f"{name} {metric.dimensions}: after {seconds:.1f} s")

    return check


def _tags_are_indexed(context: CheckContext) -> Evidence:
    arns = {
        resource.arn
        for resource in context.stack
        if isinstance(resource.arn, str)
        and getattr(resource, "in_tag_index", True)
        and "Tags" in resource.desired()
    }
    missing = set(arns)

    def all_there() -> bool:
        missing.difference_update(context.aws.tagged(context.stack.scope.owner_tags))
        return not missing

    seconds = context.seconds_until(all_there, INDEXED_WITHIN_S)
    if seconds is None:
        return differs(f"not listed within {INDEXED_WITHIN_S} s: {', '.join(sorted(missing))}")
    return holds(f"{len(arns)} resources: after {seconds:.1f} s")


EVERYTHING = (
    "webhook_errors",
    "enricher_errors",
    "prices_to_enricher",
    "enricher_invocations",
    "probe_mapping",
)
PIPELINE = (
    AwsClaim(
        id="price-enriched",
        text="Five prices that the webhook processor takes are enriched, the last with the average of all.",
        relied_on=("docs/price-path.md",),
        check=_prices_are_enriched,
        needs=("prices_to_enricher", "webhook"),
    ),
    AwsClaim(
        id="metric-iterator-age",
        text="CloudWatch has AWS/Lambda IteratorAge for a function that a stream feeds.",
        relied_on=("ops/activity.py: iterator_age_s",),
        check=_metric_has_values(lambda stack: function_metric(stack.enricher, "IteratorAge", "Maximum")),
        sequence="price",
        needs=("prices_to_enricher", "webhook"),
    ),
    AwsClaim(
        id="metric-of-ours",
        text="CloudWatch makes metrics of the lines that our functions print in the embedded metric format.",
        relied_on=("handlers/metrics.py: emit",),
        check=_metric_has_values(lambda stack: own_metric(stack.enricher, "Enriched")),
        sequence="price",
        needs=("prices_to_enricher", "webhook"),
    ),
    AwsClaim(
        id="metric-of-a-queue",
        text="CloudWatch has AWS/SQS ApproximateNumberOfMessagesVisible by QueueName.",
        relied_on=("docs/runbook.md",),
        check=_metric_has_values(lambda stack: waiting_metric(stack.probe_dead_letters)),
        needs=("probe_dead_letters",),
    ),
    AwsClaim(
        id="tag-index",
        text=f"The tag index lists what has our tags, in far less than {INDEX_LAG.total_seconds():.0f} s.",
        relied_on=("provisioners/key_search.py: INDEX_LAG", "reconcile/orphans.py"),
        check=_tags_are_indexed,
        needs=EVERYTHING,
        engine_limit="the embedded engine's index has no log groups and no stream mappings",
    ),
)
