"""Plans, and the commands that make and run them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from cryptoctl.ui.documents.document import CommandDocument, Notes, Part


class ChangeDocument(Part):
    """A difference that a step removes."""

    field: Annotated[str, Field(description="the field, as AWS names it")]
    old: Annotated[Any, Field(description="the value in AWS")]
    new: Annotated[Any, Field(description="the desired value")]


class CallDocument(Part):
    """An API call of a step."""

    service: Annotated[str, Field(description="the service, as boto3 names it")]
    operation: Annotated[str, Field(description="the operation")]
    params: Annotated[dict[str, Any], Field(description="its parameters; bytes as their size and hash")]


class StepDocument(Part):
    """What a plan does to one resource."""

    resource: Annotated[str, Field(description="kind and name")]
    action: Annotated[str, Field(description="create, update, replace, delete, nothing or refused")]
    why: Annotated[str | None, Field(description="the reason")]
    changes: Annotated[list[ChangeDocument], Field(description="the differences")]
    calls: Annotated[list[CallDocument], Field(description="the API calls, in order")]


class FixedCostDocument(Part):
    """More, or fewer, of something that is billed by the month."""

    item: Annotated[str, Field(description="what is billed")]
    amount: Annotated[float, Field(description="how many more; negative where there are fewer")]
    usd: Annotated[float, Field(description="the difference in USD a month, at list prices")]
    free: Annotated[float, Field(description="so many are free each month, for the whole account")]


class PlanCostDocument(Part):
    """What a plan changes of the bill."""

    fixed_usd_a_month: Annotated[
        float, Field(description="what costs without any use, USD a month; what is free is not taken off")
    ]
    fixed: Annotated[list[FixedCostDocument], Field(description="its parts")]
    by_use: Annotated[
        bool, Field(description="whether it adds or removes what is billed by use; `cost` estimates that")
    ]
    prices_of: Annotated[str, Field(description="the month of the prices, and their region")]


class PlanDocument(Part):
    """A plan."""

    goal: Annotated[str, Field(description="present or absent")]
    fingerprint: Annotated[str, Field(description="what `up --expect` takes")]
    obstacles: Annotated[list[str], Field(description="what stops the plan from being run")]
    notes: Annotated[list[str], Field(description="what else should be known")]
    cost: Annotated[PlanCostDocument, Field(description="what it changes of the bill")]
    steps: Annotated[list[StepDocument], Field(description="one for each resource, in order")]


class ResultDocument(Part):
    """How a step ended."""

    resource: Annotated[str, Field(description="kind and name")]
    action: Annotated[str, Field(description="create, update, replace or delete")]
    outcome: Annotated[str, Field(description="done, failed, blocked, interrupted or left under way")]
    seconds: Annotated[float, Field(description="how long it took, in seconds")]
    problem: Annotated[str | None, Field(description="why it is not done")]
    next: Annotated[str | None, Field(description="what to do about it")]


PlanField = Annotated[PlanDocument | None, Field(description="the plan; null where it could not be made")]
Results = Annotated[list[ResultDocument], Field(description="how each step that was run ended")]


class UpDocument(CommandDocument):
    """`up`"""

    plan: PlanField = None
    results: Results = []
    outputs: Annotated[
        dict[str, str] | None, Field(description="names and ARNs for other systems; null unless all is done")
    ] = None


class PlanCommandDocument(CommandDocument):
    """`plan`"""

    plan: PlanField = None


class LeavingDocument(Part):
    """A resource that AWS deletes later."""

    resource: Annotated[str, Field(description="kind and name")]
    id: Annotated[str, Field(description="its id")]
    deleted_at: Annotated[str, Field(description="when AWS deletes it")]


class DownDocument(CommandDocument):
    """`down`"""

    plan: PlanField = None
    results: Results = []
    leaving: Annotated[list[LeavingDocument], Field(description="what is pending deletion")] = []
    kept: Annotated[list[str], Field(description="what --keep-data has kept")] = []
    notes: Notes = []
