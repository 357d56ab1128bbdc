"""What an environment costs."""

from __future__ import annotations

from cryptoctl.ui.documents.document import CommandDocument, Part, about


class CostPartDocument(Part):
    """A part of the costs."""

    resource: str = about("kind and name")
    item: str = about("what is billed")
    amount: float | None = about("how much of it; null where it was not counted")
    unit: str = about("the unit of the amount")
    driver: str = about("what makes it more or less")
    usd: float | None = about("what it costs in USD, without what is free; null where not counted")
    estimated_usd: float | None = about("with --actual: what the estimate says for as many prices", None)


class CostDocument(CommandDocument, commands=["cost"]):
    """`cost`"""

    days: float | None = about("for how many days", None)
    prices_date: str | None = about("year and month of AWS's prices", None)
    prices_region: str | None = about("the region that the prices are of", None)
    parts: list[CostPartDocument] = about("each part", [])
    free: dict[str, float] = about("what is taken off in USD, by what is billed", {})
    total_usd: float | None = about("the total in USD", None)
    since: str | None = about("with --actual: from when on it was counted, at most `days` ago", None)
    prices: float | None = about("with --actual: how many prices were stored", None)
    estimated_total_usd: float | None = about("with --actual: the estimate's total for as many prices", None)
