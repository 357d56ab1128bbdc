"""What cannot be changed in place is replaced, after asking, with everything that hangs on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.graph import dependencies, needed
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import APPLICATION, Stack
from hostile.lengths import Window, function_of
from hostile.matrix import differences
from hostile.names import CONFIGURATION
from hostile.resting import Shown, ShownGroup
from hostile.traffic import goes_through
from hostile.wire import Answer, Request, refusal
from hostile.world import World
from kit.waiting import eventually

pytestmark = pytest.mark.engine

REFUSED = 6
Change: TypeAlias = Callable[[World, str], None]


class Standing:
    """An environment that is up and waits for no batch to fill; it is always left as it was found."""

    def __init__(self, world: World, name: str, config: Path) -> None:
        self.world, self.name, self.config = world, name, config
        self.options = ("--aws", "--env", name, "--config", str(config))
        self.up_result = world.clients.run("up", "--yes", *self.options)
        assert self.up_result.code == 0, self.up_result.err
        self.inventory = world.account.inventory(name)

    def up(self) -> str:
        """Everything is mended, and prices go through again; gives what it told."""
        result = self.world.clients.run("up", "--yes", *self.options)
        assert result.code == 0, result.err
        assert self.world.plan_is_empty(self.name, self.config)
        assert differences(self.inventory, self.world.account.inventory(self.name)) == []
        goes_through(self.world.stranger, self.name)
        return result.err

    def refusal(self, *options: str) -> str:
        """What an `up` says that is refused and has sent no writing request: its plan, and why."""
        before = len(self.world.proxy.behaviour.recorded)
        result = self.world.clients.run("up", *options, *self.options)
        assert result.code == REFUSED
        recorded = self.world.proxy.behaviour.recorded[before:]
        assert [entry.request for entry in recorded if entry.request.writes] == []
        return result.err

    def replaces(self, *fields: tuple[Provisioner, str]) -> None:
        """After asking, each resource is replaced, for what has become otherwise behind our back."""
        plan, _, error = self.refusal().partition("error: ")
        for resource, field in fields:
            assert f"± {resource}  replace: {field}" in plan
            assert CHANGES[resource.kind, field][1] in plan
            assert f"replace {resource}" in error
        assert "add --yes" in error
        self.up()


@pytest.fixture(scope="module")
def standing(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    world.proxy.behave()
    name, config = "replaced", tmp_path_factory.mktemp("replaced") / "cryptoctl.toml"
    text = f"[env.{name}.stream]\nwindow_s = 0\n" + CONFIGURATION.format(name=name)
    config.write_text(text, encoding="utf-8")
    yield Standing(world, name, config)
    world.live(name).down()


# The stack as it is in any environment, for what cannot be changed in place.
PATTERN = Stack(
    Scope(environment="replaced", account="0" * 12, region="us-east-1", extra_tags=APPLICATION),
    EnvironmentSettings(),
    Code(zip_bytes=b"", sha256=""),
)
TABLE = PATTERN.prices.name


def make_table(account: Any, timestamp_type: str) -> None:
    """The table by hand, with our tags, in the place of the one that is there."""
    dynamodb = account["dynamodb"]
    dynamodb.delete_table(TableName=TABLE)
    eventually(lambda: TABLE not in dynamodb.list_tables()["TableNames"], "the table is gone")
    dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": "symbol", "AttributeType": "S"},
            {"AttributeName": "timestamp", "AttributeType": timestamp_type},
        ],
        KeySchema=[
            {"AttributeName": "symbol", "KeyType": "HASH"},
            {"AttributeName": "timestamp", "KeyType": "RANGE"},
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        Tags=[{"Key": key, "Value": value} for key, value in PATTERN.scope.tags.items()],
    )


def function_failed(world: World, name: str) -> None:
    state = {"State": "Failed", "StateReason": "The image is broken."}
    world.proxy.behaviour.windows += (Shown(name, state, ("DeleteFunction",)),)


def from_an_image(world: World, name: str) -> None:
    world.proxy.behaviour.windows += (Shown(name, {"PackageType": "Image"}, ("DeleteFunction",)),)


def for_rare_access(world: World, name: str) -> None:
    world.proxy.behaviour.windows += (ShownGroup(name, {"logGroupClass": "INFREQUENT_ACCESS"}),)


def under_a_path(world: World, name: str) -> None:
    iam = world.account["iam"]
    trust = json.dumps(iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"])
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    iam.delete_role(RoleName=name)
    tags = [{"Key": key, "Value": value} for key, value in PATTERN.scope.tags.items()]
    iam.create_role(RoleName=name, Path="/team/", AssumeRolePolicyDocument=trust, Tags=tags)


def another_key_schema(world: World, name: str) -> None:
    make_table(world.account, "S")


def a_table_made_again(world: World, name: str) -> None:
    make_table(world.account, "N")


# How each becomes otherwise behind our back, by kind and field, and what the plan then says of it.
CHANGES: dict[tuple[str, str], tuple[Change, str]] = {
    ("function", "State"): (function_failed, "State: Failed → Active"),
    ("function", "PackageType"): (from_an_image, "PackageType: Image → Zip"),
    ("log group", "logGroupClass"): (for_rare_access, "logGroupClass: INFREQUENT_ACCESS → STANDARD"),
    ("role", "Path"): (under_a_path, "Path: /team/ → /"),
    ("table", "KeySchema"): (another_key_schema, "KeySchema.timestamp: RANGE S → RANGE N"),
    ("stream mapping", "EventSourceArn"): (a_table_made_again, "EventSourceArn: …"),
}


# Replaced in one `up`: none of them is replaced for another's sake.
APART = {("function", "State"), ("log group", "logGroupClass"), ("role", "Path")}
# With the table, whose own test has these.
WITH_THE_TABLE = (("table", "KeySchema"), ("function", "PackageType"))


def fixed_fields() -> Iterator[tuple[Provisioner, str]]:
    """Each fixed field of each resource; of a kind, the one first on which most hangs."""
    hanging = [dependency for other in PATTERN for dependency in (*dependencies(other), *needed(other))]
    for resource in sorted(PATTERN, key=hanging.count, reverse=True):
        for field in sorted(resource.immutable):
            yield resource, field


FIXED_FIELDS = list(fixed_fields())
FIRST = {(resource.kind, field): (resource, field) for resource, field in reversed(FIXED_FIELDS)}


def rows() -> Iterator[Any]:
    """What is replaced together: each fixed field of a kind once; in torture each of each resource, alone."""
    yield pytest.param([FIRST[pair] for pair in sorted(APART)], id="apart from each other")
    for pair in sorted(FIRST.keys() - APART - set(WITH_THE_TABLE)):
        yield pytest.param([FIRST[pair]], id=" of ".join(reversed(pair)))
    for resource, field in FIXED_FIELDS:
        yield pytest.param([(resource, field)], id=f"{field} of {resource}", marks=pytest.mark.torture)


@pytest.mark.parametrize("fields", list(rows()))
def test_a_fixed_field_means_replacement_after_asking(
    standing: Standing, fields: list[tuple[Provisioner, str]]
) -> None:
    standing.world.proxy.behave()
    for resource, field in fields:
        CHANGES[resource.kind, field][0](standing.world, resource.name)
    standing.replaces(*fields)


class Grants(Window):
    """The key's grants: a function reads its environment with the role that was there when it was given it.

    Made anew under its name, a role is another one; the grant follows only when the function is given a role
    of another name.
    """

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self.role_of: dict[str, str] = {}
        self.granted: dict[str, tuple[str, int]] = {}

    def refuse(self, request: Request) -> Answer | None:
        name = function_of(request)
        if request.operation != "Invoke" or name not in self.granted:
            return None
        role, number = self.granted[name]
        if self.made.get(role, 0) == number:
            return None
        text = "Lambda was unable to decrypt the environment variables because KMS access was denied."
        return refusal(request, "KMSAccessDeniedException", text, 502)

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        if not answer.ok:
            return answer
        if request.operation == "CreateRole":
            name = request.param("RoleName")
            self.made[name] = self.made.get(name, 0) + 1
        if request.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            self.update_grant(function_of(request), request.param("Role").rpartition("/")[2])
        return answer

    def update_grant(self, function: str, role: str) -> None:
        if role and self.role_of.get(function) != role:
            self.role_of[function] = role
            self.granted[function] = role, self.made.get(role, 0)


def test_a_role_made_again_can_read_its_functions_environment_again(standing: Standing) -> None:
    world, role, function = standing.world, PATTERN.webhook_role.name, PATTERN.webhook.name
    grants = Grants()
    grants.update_grant(function, role)
    world.proxy.behave().windows += (grants,)
    goes_through(world.stranger, standing.name)
    iam = world.stranger["iam"]
    was = iam.get_role(RoleName=role)["Role"]
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)
    trust = json.dumps(was["AssumeRolePolicyDocument"])
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust, Tags=was["Tags"])
    with pytest.raises(world.stranger["lambda"].exceptions.KMSAccessDeniedException):
        goes_through(world.stranger, standing.name)
    told = standing.up()
    assert f"~ function {function}  update" in told
    assert "RoleId: an earlier role of that name → " in told


def test_with_another_key_everything_moves_to_it_and_the_old_one_goes(standing: Standing) -> None:
    world, alias = standing.world, PATTERN.key.name
    world.proxy.behave()
    kms = world.account["kms"]
    tags = [{"TagKey": key, "TagValue": value} for key, value in PATTERN.scope.tags.items()]
    key_id = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=alias, TargetKeyId=key_id)
    told = standing.up()
    assert told.count("KMSKeyArn: ") == len(PATTERN.functions)
    assert "- key " in told
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key_id
    assert world.account.leaving_keys(standing.name) == 1


def test_what_is_protected_is_not_replaced_and_what_is_not_any_more_is_after_asking(
    standing: Standing,
) -> None:
    world, dynamodb = standing.world, standing.world.account["dynamodb"]
    world.proxy.behave()
    fields = [FIRST[pair] for pair in WITH_THE_TABLE]
    for resource, field in fields:
        CHANGES[resource.kind, field][0](world, resource.name)
    dynamodb.update_table(TableName=TABLE, DeletionProtectionEnabled=True)
    err = standing.refusal("--yes")
    assert "has deletion protection" in err
    assert "would have to be replaced, for KeySchema" in err
    dynamodb.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    standing.replaces(*fields)
