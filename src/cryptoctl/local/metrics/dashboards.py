"""Tags of dashboards, which ministack does not keep; the dashboards themselves it does."""

from __future__ import annotations

from typing import Final

from cryptoctl.local.database import Database
from cryptoctl.local.http import Forward, HttpRequest, HttpResponse, ServiceError, json_response
from cryptoctl.local.internal_client import InternalClient

TARGET: Final[str] = "GraniteServiceVersion20100801"
SCHEMA: Final[str] = (
    "CREATE TABLE IF NOT EXISTS dashboard_tags "
    "(arn TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (arn, key)) WITHOUT ROWID;"
)
_TAGGING: Final = ("TagResource", "UntagResource", "ListTagsForResource")


class Dashboards:
    """A service: what concerns a dashboard's tags is answered here, all else by ministack."""

    def __init__(self, forward: Forward, database: Database, client: InternalClient) -> None:
        self._forward = forward
        self._database = database
        self._client = client
        database.define(SCHEMA)

    async def handle(self, request: HttpRequest) -> HttpResponse | None:
        """Keeps the tags that a new dashboard is given; answers for them; forgets those of a deleted one."""
        target, _, operation = request.target.partition(".")
        if target != TARGET:
            return None
        if operation == "PutDashboard":
            return await self._put(request)
        if operation == "DeleteDashboards":
            return await self._delete(request)
        arn = str(request.json.get("ResourceARN", ""))
        if operation in _TAGGING and ":dashboard/" in arn:
            return await self._tagging(request, operation, arn)
        return None

    async def _put(self, request: HttpRequest) -> HttpResponse:
        name = request.json.get("DashboardName", "")
        is_new = await self._arn(request, name) is None
        response = await self._forward(request)
        arn = await self._arn(request, name) if response.status < 300 and is_new else None
        if arn is not None:
            # Tags of a dashboard that exists are not changed by writing it again.
            self._forget(arn)
            self._write(arn, request.json.get("Tags") or [])
        return response

    async def _delete(self, request: HttpRequest) -> HttpResponse:
        arns = [await self._arn(request, name) for name in request.json.get("DashboardNames", ())]
        response = await self._forward(request)
        if response.status < 300:
            for arn in filter(None, arns):
                self._forget(arn)
        return response

    async def _tagging(self, request: HttpRequest, operation: str, arn: str) -> HttpResponse:
        if await self._arn(request, arn.rpartition("/")[2]) != arn:
            raise ServiceError("ResourceNotFoundException", f"{arn} does not exist")
        if operation == "ListTagsForResource":
            tags = self._database.execute("SELECT key, value FROM dashboard_tags WHERE arn = ?", arn)
            return json_response({"Tags": [{"Key": key, "Value": value} for key, value in tags]})
        if operation == "TagResource":
            self._write(arn, request.json.get("Tags") or [])
        for key in request.json.get("TagKeys") or ():
            self._database.execute("DELETE FROM dashboard_tags WHERE arn = ? AND key = ?", arn, key)
        return json_response({})

    async def _arn(self, request: HttpRequest, name: str) -> str | None:
        """The dashboard's ARN; None where there is none of this name."""
        try:
            body = await self._client.json("monitoring", "GetDashboard", request.region, DashboardName=name)
        except ServiceError:
            return None
        return str(body["DashboardArn"])

    def _write(self, arn: str, tags: list[dict[str, str]]) -> None:
        with self._database.transaction():
            for tag in tags:
                self._database.execute(
                    "INSERT OR REPLACE INTO dashboard_tags VALUES (?, ?, ?)", arn, tag["Key"], tag["Value"]
                )

    def _forget(self, arn: str) -> None:
        self._database.execute("DELETE FROM dashboard_tags WHERE arn = ?", arn)
