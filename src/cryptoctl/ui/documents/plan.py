"""Plans, and the commands that make and run them."""

from __future__ import annotations

from typing import Annotated, Any

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part, about


class ChangeDocument(Part):
    """A difference that a step removes."""

    field: Annotated[str, about("the field, as AWS names it")]
    old: Annotated[Any, about("the value in AWS")]
    new: Annotated[Any, about("the desired value")]


class CallDocument(Part):
    """An API call of a step."""

    service: Annotated[str, about("the service, as boto3 names it")]
    operation: Annotated[str, about("the operation")]
    params: Annotated[dict[str, Any], about("its parameters; bytes as their size and hash")]


class StepDocument(Part):
    """What a plan does to one resource."""

    resource: Annotated[str, about("kind and name")]
    action: Annotated[str, about("create, update, replace, delete, nothing or refused")]
    why: Annotated[str | None, about("the reason")]
    changes: Annotated[list[ChangeDocument], about("the differences")]
    calls: Annotated[list[CallDocument], about("the API calls, in order")]


class FixedCostDocument(Part):
    """More, or fewer, of something that is billed by the month."""

    item: Annotated[str, about("what is billed")]
    amount: Annotated[float, about("how many more; negative where there are fewer")]
    usd: Annotated[float, about("the difference in USD a month, at list prices")]
    free: Annotated[float, about("so many are free each month, for the whole account")]


class PlanCostDocument(Part):
    """What a plan changes of the bill."""

    fixed_usd_a_month: Annotated[
        float, about("what costs even when idle, USD a month; what is free is not taken off")
    ]
    fixed: Annotated[list[FixedCostDocument], about("its parts")]
    by_use: Annotated[bool, about("whether it adds or removes what is billed by use; `cost` estimates that")]
    prices_of: Annotated[str, about("the month of the prices, and their region")]


class PlanDocument(Part):
    """A plan."""

    goal: Annotated[str, about("present or absent")]
    fingerprint: Annotated[str, about("what `up --expect` takes")]
    obstacles: Annotated[list[str], about("what stops the plan from being run")]
    notes: Annotated[list[str], about("what else should be known")]
    cost: Annotated[PlanCostDocument, about("what it changes of the bill")]
    steps: Annotated[list[StepDocument], about("one for each resource, in order")]


class ResultDocument(Part):
    """How a step ended."""

    resource: Annotated[str, about("kind and name")]
    action: Annotated[str, about("create, update, replace or delete")]
    outcome: Annotated[str, about("done, failed, blocked, interrupted or not waited for")]
    seconds: Annotated[float, about("how long it took, in seconds")]
    problem: Annotated[str | None, about("why it is not done")]
    next: Annotated[str | None, about("what to do about it")]


PlanField = Annotated[PlanDocument | None, about("the plan; null where it could not be made")]
Results = Annotated[list[ResultDocument], about("how each step that was run ended")]


class UpDocument(CommandDocument):
    """`up`"""

    plan: PlanField = None
    results: Results = []
    outputs: Annotated[
        dict[str, str] | None, about("names and ARNs for other systems; null unless all is done")
    ] = None


class PlanCommandDocument(CommandDocument):
    """`plan`"""

    plan: PlanField = None


class PendingDeletionDocument(Part):
    """A resource that AWS deletes later."""

    resource: Annotated[str, about("kind and name")]
    id: Annotated[str, about("its id")]
    deleted_at: Annotated[str, about("when AWS deletes it")]


class DownDocument(CommandDocument):
    """`down`"""

    plan: PlanField = None
    results: Results = []
    pending_deletion: Annotated[list[PendingDeletionDocument], about("what is pending deletion")] = []
    kept: Annotated[list[str], about("what --keep-data has kept")] = []
    notes: Notes = []
