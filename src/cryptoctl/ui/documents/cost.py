"""What an environment costs."""

from __future__ import annotations

from typing import Annotated

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class CostPartDocument(Part):
    """A part of the costs."""

    resource: Annotated[str, about("kind and name")]
    item: Annotated[str, about("what is billed")]
    amount: Annotated[float | None, about("how much of it; null where it was not counted")]
    unit: Annotated[str, about("the unit of the amount")]
    driver: Annotated[str, about("what makes it more or less")]
    usd: Annotated[float | None, about("what it costs in USD, without what is free; null where not counted")]
    estimated_usd: Annotated[
        float | None, about("with --actual: what the estimate says for as many prices")
    ] = None


class CostDocument(CommandDocument):
    """`cost`"""

    days: Annotated[float | None, about("for how many days")] = None
    prices_date: Annotated[str | None, about("year and month of AWS's prices")] = None
    prices_region: Annotated[str | None, about("the region that the prices are of")] = None
    parts: Annotated[list[CostPartDocument], about("each part")] = []
    free: Annotated[dict[str, float], about("what is taken off in USD, by what is billed")] = {}
    total_usd: Annotated[float | None, about("the total in USD")] = None
    since: Annotated[str | None, about("with --actual: from when on it was counted, at most `days` ago")] = (
        None
    )
    prices: Annotated[float | None, about("with --actual: how many prices were stored")] = None
    estimated_total_usd: Annotated[
        float | None, about("with --actual: the estimate's total for as many prices")
    ] = None
