"""What an environment costs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Part


class CostPartDocument(Part):
    """A part of the costs."""

    resource: Annotated[str, Field(description="kind and name")]
    item: Annotated[str, Field(description="what is billed")]
    amount: Annotated[float | None, Field(description="how much of it; null where it was not counted")]
    unit: Annotated[str, Field(description="the unit of the amount")]
    driver: Annotated[str, Field(description="what makes it more or less")]
    usd: Annotated[
        float | None, Field(description="what it costs in USD, without what is free; null where not counted")
    ]
    estimated_usd: Annotated[
        float | None, Field(description="with --actual: what the estimate says for as many prices")
    ] = None


class CostDocument(CommandDocument):
    """`cost`"""

    days: Annotated[float | None, Field(description="for how many days")] = None
    prices_date: Annotated[str | None, Field(description="year and month of AWS's prices")] = None
    prices_region: Annotated[str | None, Field(description="the region that the prices are of")] = None
    parts: Annotated[list[CostPartDocument], Field(description="each part")] = []
    free: Annotated[dict[str, float], Field(description="what is taken off in USD, by what is billed")] = {}
    total_usd: Annotated[float | None, Field(description="the total in USD")] = None
    since: Annotated[
        str | None, Field(description="with --actual: from when on it was counted, at most `days` ago")
    ] = None
    prices: Annotated[float | None, Field(description="with --actual: how many prices were stored")] = None
    estimated_total_usd: Annotated[
        float | None, Field(description="with --actual: the estimate's total for as many prices")
    ] = None
