"""Where AWS's console shows a resource."""

from __future__ import annotations

from urllib.parse import quote

from cryptoctl.reconcile.scope import Scope

HOSTS = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
    "aws-eusc": "console.amazonaws-eusc.eu",
}
SERVICES = {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}
"""The domain of a partition's services, where it is not amazonaws.com."""


def logs_page(scope: Scope, group: str) -> str:
    """A log group's page."""
    # The console decodes this part twice, with $ in place of %.
    name = quote(quote(group, safe=""), safe="").replace("%", "$")
    return f"{_page(scope, 'cloudwatch/home')}#logsV2:log-groups/log-group/{name}"


def dashboard_page(scope: Scope, dashboard: str) -> str:
    """A dashboard's page."""
    return f"{_page(scope, 'cloudwatch/home')}#dashboards/dashboard/{quote(dashboard, safe='')}"


def table_page(scope: Scope, table: str) -> str:
    """A table's page."""
    return f"{_page(scope, 'dynamodbv2/home')}#table?name={quote(table, safe='')}"


def queue_page(scope: Scope, queue: str) -> str:
    """A queue's page."""
    url = (
        f"https://sqs.{scope.region}.{SERVICES.get(scope.partition, 'amazonaws.com')}/{scope.account}/{queue}"
    )
    return f"{_page(scope, 'sqs/v3/home')}#/queues/{quote(url, safe='')}"


def function_page(scope: Scope, function: str) -> str:
    """A function's page."""
    return f"{_page(scope, 'lambda/home')}#/functions/{quote(function, safe='')}"


def _page(scope: Scope, path: str) -> str:
    host = HOSTS.get(scope.partition, HOSTS["aws"])
    return f"https://{scope.region}.{host}/{path}?region={scope.region}"
