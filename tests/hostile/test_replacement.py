"""What cannot be changed in place is replaced, after asking, with everything that hangs on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import pytest

from cryptoctl.provisioners.function import Code
from cryptoctl.reconcile.graph import dependencies, needed
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import EnvironmentSettings
from cryptoctl.stack import APPLICATION, Stack
from hostile.conftest import CONFIGURATION
from hostile.lengths import Window, function_of
from hostile.matrix import differences
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

    def __init__(self, world: World, name: str, options: tuple[str, ...]) -> None:
        self.world, self.name, self.options = world, name, ("--aws", "--env", name, *options)
        self.up_result = world.clients.run("up", "--yes", *self.options)
        assert self.up_result.code == 0, self.up_result.err
        self.inventory = world.account.inventory(name)

    def plan(self) -> str:
        result = self.world.clients.run("plan", *self.options)
        assert result.code == 0, result.err
        return result.out

    def up(self) -> None:
        """Everything is mended, and prices go through again."""
        result = self.world.clients.run("up", "--yes", *self.options)
        assert result.code == 0, result.err
        assert "Nothing to do" in self.plan()
        assert differences(self.inventory, self.world.account.inventory(self.name)) == []
        goes_through(self.world.stranger, self.name)

    def is_refused_without_consent(self, sentence: str) -> None:
        behaviour = self.world.proxy.behaviour
        result = self.world.clients.run("up", *self.options)
        assert result.code == REFUSED
        assert sentence in result.err.partition("error: ")[2]
        assert "add --yes" in result.err
        assert [entry.request for entry in behaviour.recorded if entry.request.writes] == []


@pytest.fixture(scope="module")
def standing(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    world.proxy.behave()
    name, config = "replaced", tmp_path_factory.mktemp("replaced") / "cryptoctl.toml"
    text = f"[env.{name}.stream]\nwindow_s = 0\n" + CONFIGURATION.format(name=name)
    config.write_text(text, encoding="utf-8")
    yield Standing(world, name, ("--config", str(config)))
    world.proxy.behave()
    world.down(name)


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


def another_stream(world: World, name: str) -> None:
    dynamodb = world.account["dynamodb"]
    off, on = {"StreamEnabled": False}, {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    for stream in (off, on):
        dynamodb.update_table(TableName=TABLE, StreamSpecification=stream)


# How each becomes otherwise behind our back, by kind and field, and what the plan then says of it.
CHANGES: dict[tuple[str, str], tuple[Change, str]] = {
    ("function", "State"): (function_failed, "State: Failed → Active"),
    ("function", "PackageType"): (from_an_image, "PackageType: Image → Zip"),
    ("log group", "logGroupClass"): (for_rare_access, "logGroupClass: INFREQUENT_ACCESS → STANDARD"),
    ("role", "Path"): (under_a_path, "Path: /team/ → /"),
    ("table", "KeySchema"): (another_key_schema, "KeySchema.timestamp: RANGE S → RANGE N"),
    ("stream mapping", "EventSourceArn"): (another_stream, "EventSourceArn: …"),
}


def fixed_fields() -> Iterator[Any]:
    """Each fixed field of each resource; of a kind, the sample has the one on which most hangs."""
    hanging = [dependency for other in PATTERN for dependency in (*dependencies(other), *needed(other))]
    by_weight = sorted(PATTERN, key=hanging.count, reverse=True)
    pairs: set[tuple[str, str]] = set()
    for resource in by_weight:
        for field in sorted(resource.immutable):
            again = (resource.kind, field) in pairs
            pairs.add((resource.kind, field))
            marks = [pytest.mark.torture] if again else []
            yield pytest.param(resource, field, id=f"{field} of {resource}", marks=marks)


@pytest.mark.parametrize(("resource", "field"), list(fixed_fields()))
def test_a_fixed_field_means_replacement_after_asking(
    standing: Standing, resource: Provisioner, field: str
) -> None:
    change, shown = CHANGES[resource.kind, field]
    standing.world.proxy.behave()
    change(standing.world, resource.name)
    planned = standing.plan()
    assert f"± {resource}  replace: {field}" in planned
    assert shown in planned
    standing.is_refused_without_consent(f"replace {resource}")
    standing.up()


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
    planned = standing.plan()
    assert f"~ function {function}  update" in planned
    assert "RoleId: an earlier role of that name → " in planned
    standing.up()


def test_with_another_key_everything_moves_to_it_and_the_old_one_goes(standing: Standing) -> None:
    world, alias = standing.world, PATTERN.key.name
    world.proxy.behave()
    kms = world.account["kms"]
    tags = [{"TagKey": key, "TagValue": value} for key, value in PATTERN.scope.tags.items()]
    key_id = kms.create_key(Tags=tags)["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=alias, TargetKeyId=key_id)
    planned = standing.plan()
    assert planned.count("KMSKeyArn: ") == len(PATTERN.functions)
    assert "- key " in planned
    standing.up()
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key_id
    assert world.account.leaving_keys(standing.name) == 1


def test_a_table_made_again_by_hand_takes_the_stream_mapping_with_it(standing: Standing) -> None:
    standing.world.proxy.behave()
    make_table(standing.world.account, "N")
    planned = standing.plan()
    assert f"± {PATTERN.prices_to_enricher}  replace: EventSourceArn" in planned
    assert "PointInTimeRecoveryStatus: DISABLED → ENABLED" in planned
    standing.up()


def test_what_is_protected_and_would_have_to_be_replaced_is_refused_beforehand(standing: Standing) -> None:
    world, dynamodb = standing.world, standing.world.account["dynamodb"]
    another_key_schema(world, TABLE)
    dynamodb.update_table(TableName=TABLE, DeletionProtectionEnabled=True)
    behaviour = world.proxy.behave()
    result = world.clients.run("up", "--yes", *standing.options)
    assert result.code == REFUSED
    assert "has deletion protection" in result.err
    assert "would have to be replaced, for KeySchema" in result.err
    assert [entry.request for entry in behaviour.recorded if entry.request.writes] == []
    dynamodb.update_table(TableName=TABLE, DeletionProtectionEnabled=False)
    standing.up()
