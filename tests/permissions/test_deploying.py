"""`iam-policy --for deploy`: enough for an environment's whole life, and nothing in it is too much.

The commands' requests pass a proxy that refuses whatever the policy does not grant: it is enforced, by the
tests' own evaluator. What the engine itself enforces of IAM is not AWS's (docs/permissions.md).
"""

from __future__ import annotations

import pytest

from cryptoctl.ops.permissions import Purpose
from hostile.clients import REGION
from hostile.inventory import Account
from hostile.matrix import disturb
from hostile.requests import violations
from hostile.world import World
from permissions.authorization import actions_of, idle
from permissions.commands import Command, Person, RequestedActions, commands_of, fails_for_a_person
from permissions.stage import ACCOUNT, FRESH, LIFE

pytestmark = pytest.mark.engine

LOOKS = [
    Command(words=tuple(line.split()))
    for line in ("status", "open table --print", "outputs", "envs", "doctor")
]
LOOKS += [Command(words=("iam-policy", "--part", "1")), Command(words=("cost", "--actual"))]
# In this order: the function learns of a new secret only after a while.
SECRETS = [
    Command(words=("webhook", "show", "desk")),
    Command(words=("webhook", "test", "desk")),
    Command(words=("webhook", "rotate", "desk", "--no-wait", "--grace", "0s")),
]
# Commands go on without these, and show less or say what they did not look for: test_operating.py has it.
SEEN_ALL_THE_SAME = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "dynamodb:GetResourcePolicy",
    "iam:ListRoles",
}
# Where an environment was before, a key is taken back: of several, one that may be as it should be.
FOR_A_NEW_KEY = ("kms:CreateKey", "kms:TagResource", "kms:PutKeyPolicy")
# Each is met by an `up` from nothing that comes further than the one before it.
SAMPLE = (
    "dynamodb:CreateTable",
    "kms:CreateGrant",
    "iam:PassRole",
    "lambda:CreateEventSourceMapping",
    "lambda:ListTags",
    "kms:Decrypt",
)


def disturb_more(account: Account, name: str) -> None:
    """What is left after `disturb`: things that somebody switched off, or set without our asking."""
    notifier, functions = f"error-notifier-{name}", account["lambda"]
    key = account["kms"].describe_key(KeyId=f"alias/lambda-env-{name}")["KeyMetadata"]["KeyId"]
    account["kms"].disable_key(KeyId=key)
    functions.put_function_concurrency(FunctionName=notifier, ReservedConcurrentExecutions=1)
    functions.remove_permission(FunctionName=notifier, StatementId="webhook-errors")
    functions.add_permission(
        FunctionName=notifier,
        StatementId="webhook-errors",
        Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com",
    )
    topic, group = f"arn:aws:sns:{REGION}:{ACCOUNT}:price-alerts-{name}", f"/aws/lambda/{notifier}"
    account["sns"].set_topic_attributes(
        TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns"
    )
    account["logs"].associate_kms_key(
        logGroupName=group, kmsKeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}"
    )
    mappings = functions.list_event_source_mappings(FunctionName=f"price-enricher-{name}")
    functions.update_event_source_mapping(UUID=mappings["EventSourceMappings"][0]["UUID"], Enabled=False)
    functions.update_function_url_config(FunctionName=f"webhook-processor-{name}", AuthType="AWS_IAM")
    # Under another key of the environment: the value is read with it, and written again under the right one.
    tags = [{"TagKey": key, "TagValue": value} for key, value in owner_tags(name).items()]
    other = account["kms"].create_key(Tags=tags)["KeyMetadata"]["Arn"]
    account["ssm"].put_parameter(
        Name=f"/cryptoctl/{name}/webhook/desk", Value="x", Type="SecureString", KeyId=other, Overwrite=True
    )


def forget_other_keys(account: Account, name: str) -> None:
    """Takes the environment's tags off the keys that its alias does not name: of several that go, the next
    `up` might take back another one than that under which things lie.
    """
    kms, alias = account["kms"], f"alias/lambda-env-{name}"
    named = {entry["AliasName"]: entry.get("TargetKeyId") for entry in kms.list_aliases()["Aliases"]}
    for key in kms.list_keys()["Keys"]:
        tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=key["KeyId"])["Tags"]}
        if key["KeyId"] != named.get(alias) and tags.items() >= owner_tags(name).items():
            kms.untag_resource(KeyId=key["KeyId"], TagKeys=list(owner_tags(name)))


def owner_tags(name: str) -> dict[str, str]:
    """What makes something the environment's."""
    return {"ManagedBy": "cryptoctl", "Environment": name}


def life(account: Account, name: str) -> list[Command]:
    """Made, mended twice, looked at, removed, looked at again."""
    return [
        Command(words=("up",)),
        *SECRETS,
        Command(words=("up",), before=lambda: disturb(account, name)),
        Command(words=("up",), before=lambda: disturb_more(account, name)),
        *LOOKS,
        Command(words=("down",)),
        Command(words=("plan",)),
    ]


@pytest.fixture(scope="module")
def deployer(rights_world: World) -> Person:
    """Who has the policy and nothing else; what is left in the end goes with the engine."""
    return Person(rights_world, LIFE, Purpose.DEPLOY)


@pytest.fixture(scope="module")
def lived(deployer: Person) -> RequestedActions:
    """The whole life, every command of it successful."""
    return deployer.runs(life(deployer.world.account, LIFE))


def test_the_policy_is_enough(lived: RequestedActions) -> None:
    assert lived.lacking == set()
    assert {command.name for command, _ in lived.by_command} == commands_of(Purpose.DEPLOY)


def test_every_request_is_valid(lived: RequestedActions) -> None:
    """By the service's own model, and within AWS's limits; test_operating.py has the other commands."""
    assert len({str(request) for request in lived.requests}) > 50
    assert violations(lived.requests) == []


def test_each_action_is_asked_for(lived: RequestedActions) -> None:
    assert idle(lived.policy, lived.every) == set()


def test_the_third_up_had_something_to_switch_on_and_to_take_away(lived: RequestedActions) -> None:
    actions = {ask.action for ask in lived.by_command[2 + len(SECRETS)][1]}
    assert actions >= {
        "kms:EnableKey",
        "logs:DisassociateKmsKey",
        "sns:SetTopicAttributes",
        "lambda:DeleteFunctionConcurrency",
        "lambda:RemovePermission",
        "lambda:UpdateEventSourceMapping",
        "lambda:UpdateFunctionUrlConfig",
        "ssm:GetParameter",
    }


def test_without_an_action_up_says_which(deployer: Person, lived: RequestedActions) -> None:
    for action in SAMPLE:
        guard, result = deployer.tries(Command(words=("up",)), without=action)
        assert action in [ask.action for ask in guard.denied], f"{action} was not asked for"
        assert fails_for_a_person(result, action) == []
        assert result.code == 7, action
        assert "cryptoctl iam-policy --for deploy" in result.err, action


@pytest.mark.torture
def test_without_any_action_some_command_fails_and_says_which(
    deployer: Person, lived: RequestedActions
) -> None:
    problems = []
    forget_other_keys(deployer.world.account, LIFE)
    for action in actions_of(lived.policy):
        if action not in {*SEEN_ALL_THE_SAME, *FOR_A_NEW_KEY}:
            problems += _fails_once(deployer, action)
        forget_other_keys(deployer.world.account, LIFE)
        deployer.world.down(LIFE)
    assert problems == [], "\n".join(problems)


@pytest.mark.torture
def test_without_an_action_for_a_new_key_up_says_which(rights_world: World) -> None:
    person = Person(rights_world, FRESH, Purpose.DEPLOY)
    problems = []
    for action in FOR_A_NEW_KEY:
        problems += _fails_once(person, action)
        forget_other_keys(rights_world.account, FRESH)
    rights_world.down(FRESH)
    assert problems == [], "\n".join(problems)


def _fails_once(person: Person, action: str) -> list[str]:
    for command in life(person.world.account, person.environment):
        _, result = person.tries(command, without=action)
        if result.code:
            return fails_for_a_person(result, action)
    return [f"without {action} everything succeeds"]
