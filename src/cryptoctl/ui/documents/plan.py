"""Plans, and the commands that make and run them."""

from __future__ import annotations

from typing import Annotated, Any

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about


class ChangeDocument(Part):
    """A difference that a step removes."""

    field: str = about("the field, as AWS names it")
    old: Any = about("the value in AWS")
    new: Any = about("the desired value")


class CallDocument(Part):
    """An API call of a step."""

    service: str = about("the service, as boto3 names it")
    operation: str = about("the operation")
    params: dict[str, Any] = about("its parameters; bytes as their size and hash")


class StepDocument(Part):
    """What a plan does to one resource."""

    resource: str = about("kind and name")
    action: str = about("create, update, replace, delete, nothing or refused")
    why: str | None = about("the reason")
    changes: list[ChangeDocument] = about("the differences")
    calls: list[CallDocument] = about("the API calls, in order")


class FixedCostDocument(Part):
    """More, or fewer, of something that is billed by the month."""

    item: str = about("what is billed")
    amount: float = about("how many more; negative where there are fewer")
    usd: float = about("the difference in USD a month, at list prices")
    free: float = about("so many are free each month, for the whole account")


class PlanCostDocument(Part):
    """What a plan changes of the bill."""

    fixed_usd_a_month: float = about("what costs even when idle, USD a month; what is free is not taken off")
    fixed: list[FixedCostDocument] = about("its parts")
    by_use: bool = about("whether it adds or removes what is billed by use; `cost` estimates that")
    prices_of: str = about("the month of the prices, and their region")


class PlanDocument(Part):
    """A plan."""

    goal: str = about("present or absent")
    fingerprint: str = about("what `up --expect` takes")
    obstacles: list[str] = about("what stops the plan from being run")
    notes: list[str] = about("what else should be known")
    cost: PlanCostDocument = about("what it changes of the bill")
    steps: list[StepDocument] = about("one for each resource, in order")


class ResultDocument(Part):
    """How a step ended."""

    resource: str = about("kind and name")
    action: str = about("create, update, replace or delete")
    outcome: str = about("done, failed, blocked, interrupted or not waited for")
    seconds: float = about("how long it took, in seconds")
    problem: str | None = about("why it is not done")
    next: str | None = about("what to do about it")


PlanField = Annotated[PlanDocument | None, about("the plan; null where it could not be made")]
Results = Annotated[list[ResultDocument], about("how each step that was run ended")]


class UpDocument(CommandDocument, commands=["up"]):
    """`up`"""

    plan: PlanField = None
    results: Results = []
    outputs: dict[str, str] | None = about("names and ARNs for other systems; null unless all is done", None)


class PlanCommandDocument(CommandDocument, commands=["plan"]):
    """`plan`"""

    plan: PlanField = None


class PendingDeletionDocument(Part):
    """A resource that AWS deletes later."""

    resource: str = about("kind and name")
    id: str = about("its id")
    deleted_at: str = about("when AWS deletes it")


class DownDocument(CommandDocument, commands=["down"]):
    """`down`"""

    plan: PlanField = None
    results: Results = []
    pending_deletion: list[PendingDeletionDocument] = about("what is pending deletion", [])
    kept: list[str] = about("what --keep-data has kept", [])
    notes: Notes = []
