"""What is said of an AWS that refuses, of what is in the way, and of what is done halfway: by the commands
themselves, against the hostile proxy. messages.txt holds what must be said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostile.answers import Alters, Passes, Refuses, Rewrites
from hostile.golden import check
from hostile.lengths import Windows
from hostile.message_recorder import MessageRecorder
from hostile.proxy import Accident, Trap
from hostile.terminal import terminal
from hostile.world import World
from kit.waiting import eventually

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("unconfigured")]

HOSTILE = "\x1b[2J\x1b[31m[bold red]all is well[/bold red]\u202e\nerror: not this line"
ROOT = "arn:aws:iam::000000000000:root"
DEPLOYER = "arn:aws:iam::000000000000:user/deployer"


@pytest.fixture
def record(world: World) -> Iterator[MessageRecorder]:
    yield MessageRecorder(world)
    world.proxy.behave()


@pytest.fixture
def removed(world: World) -> Iterator[Callable[[str], str]]:
    """Environments whose names stand in the file; whatever they hold is removed afterwards."""
    names: list[str] = []

    def clean(name: str) -> str:
        names.append(name)
        return name

    yield clean
    world.proxy.behave()
    for name in names:
        world.live(name).down()


def refuses(
    *operations: str, code: str, message: str, status: int = 400, params_contain: str = ""
) -> tuple[Refuses]:
    return (
        Refuses(
            operations=operations, code=code, message=message, status=status, params_contain=params_contain
        ),
    )


def test_messages_about_what_aws_answers_to_a_look(record: MessageRecorder) -> None:
    sts, table = "sts:GetCallerIdentity", "dynamodb:DescribeTable"
    plan, status, doctor = (("plan", "--env", "e"), ("status", "--env", "e"), ("doctor", "--env", "e"))
    no = "The security token included in the request is "
    record(
        "the sign-in has expired",
        *plan,
        but=refuses(sts, code="ExpiredToken", message=f"{no}expired", status=403),
    )
    record(
        "the credentials are wrong, or the region is not enabled for the account",
        *("iam-policy", "--env", "e"),
        but=refuses(sts, code="InvalidClientTokenId", message=f"{no}invalid.", status=403),
    )
    late = "Signature expired: 20260102T030405Z is now earlier than 20260102T035000Z"
    record(
        "the clock is wrong", *plan, but=refuses(sts, code="SignatureDoesNotMatch", message=late, status=403)
    )
    denied = f"User: {DEPLOYER} is not authorized to perform: {table}"
    for command in (plan, doctor, ("down", "--env", "e")):
        record(
            f"`{command[0]}` may not look at the table",
            *command,
            but=refuses(table, code="AccessDeniedException", message=denied),
        )
    record(
        "AWS is asked too often, and it does not pass",
        *status,
        but=refuses("kms:DescribeKey", code="ThrottlingException", message="Rate exceeded"),
    )
    record(
        "a fault inside AWS that does not pass",
        *plan,
        but=refuses(table, code="InternalServerError", message="Internal server error", status=500),
    )
    record(
        "the account is not signed up for a service",
        *plan,
        but=refuses(
            "kms:DescribeKey", code="OptInRequired", message="The AWS Access Key Id needs a subscription"
        ),
    )
    record(
        "what AWS says would command the terminal",
        *plan,
        but=refuses("sqs:GetQueueUrl", code="NewException", message=HOSTILE),
    )
    check("AWS answers 1: to a look", record.situations)


def test_messages_about_what_is_in_the_way(
    record: MessageRecorder, removed: Callable[[str], str], tmp_path: Path
) -> None:
    account = record.world.account
    name = removed("taken")
    account["sqs"].create_queue(QueueName=f"webhook-processor-dlq-{name}")
    record("a queue of that name is somebody else's", "up", "--env", name, "--yes")
    record("the same, and the environment is to be removed", "down", "--env", name, "--yes")
    record("the same, before anything is tried", "doctor", "--env", name)
    account["sqs"].delete_queue(
        QueueUrl=account["sqs"].get_queue_url(QueueName=f"webhook-processor-dlq-{name}")["QueueUrl"]
    )
    role_in_another_region(record.world, name)
    role = ("--only", f"price-enricher-{name}-role")
    record(
        "a role of that name serves the environment in another region", "up", "--env", name, "--yes", *role
    )
    account["iam"].delete_role_policy(RoleName=f"price-enricher-{name}-role", PolicyName="sns-access")
    account["iam"].delete_role(RoleName=f"price-enricher-{name}-role")

    file = tmp_path / "cryptoctl.toml"
    file.write_text(f"[env.{name}]\nprotected = true\n", encoding="utf-8")
    record("the environment is protected", "down", "--env", name, "--config", str(file))
    file.write_text(f"[env.{name}]\naccount_id = '123456789012'\n", encoding="utf-8")
    record("the credentials are another account's", "up", "--env", name, "--config", str(file))

    protected_table(record.world, name)
    record("the table has deletion protection", "down", "--env", name, "--yes")
    table = ("--only", f"crypto-prices-{name}")
    record("a protection would be lifted, and nobody is there to be asked", "up", "--env", name, *table)
    account["dynamodb"].update_table(TableName=f"crypto-prices-{name}", DeletionProtectionEnabled=False)
    record("data would be removed, and nobody is there to be asked", "down", "--env", name)

    small = Alters(operation="lambda:GetAccountSettings", change=small_quota)
    record(
        "the account's quota of concurrent executions is too small",
        "up",
        "--env",
        name,
        "--yes",
        but=(small,),
    )
    reviewed = ("--expect", "0123456789ab", *table)
    record("the plan is another one than was reviewed", "up", "--env", name, *reviewed)
    record("no resource is named so", "up", "--env", name, "--only", "queue webhook")
    check("In the way 1: refused before anything is changed", record.situations)


def small_quota(document: dict[str, object]) -> None:
    limits = document["AccountLimit"]
    assert isinstance(limits, dict)
    limits |= {"ConcurrentExecutions": 10, "UnreservedConcurrentExecutions": 10}


def no_environment(document: dict[str, object]) -> None:
    configuration = document["Configuration"]
    assert isinstance(configuration, dict)
    error = {"ErrorCode": "AccessDeniedException", "Message": "no kms:Decrypt"}
    configuration["Environment"] = {"Error": error}


def role_in_another_region(world: World, name: str) -> None:
    iam, role = world.account["iam"], f"price-enricher-{name}-role"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(statement()), Tags=tags(name))
    iam.put_role_policy(
        RoleName=role,
        PolicyName="sns-access",
        PolicyDocument=json.dumps(statement(Resource=["arn:aws:sns:eu-west-1:000000000000:a-topic"])),
    )


def statement(**more: object) -> dict[str, object]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sns:Publish"], **more}]}


def tags(name: str) -> list[dict[str, str]]:
    return [{"Key": "ManagedBy", "Value": "cryptoctl"}, {"Key": "Environment", "Value": name}]


def protected_table(world: World, name: str) -> None:
    keys = [("symbol", "S", "HASH"), ("timestamp", "N", "RANGE")]
    world.account["dynamodb"].create_table(
        TableName=f"crypto-prices-{name}",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind, _ in keys],
        KeySchema=[{"AttributeName": key, "KeyType": role} for key, _, role in keys],
        BillingMode="PAY_PER_REQUEST",
        DeletionProtectionEnabled=True,
        Tags=tags(name),
    )


def test_messages_of_an_environments_life(record: MessageRecorder, removed: Callable[[str], str]) -> None:
    name = removed("life")
    up, plan, down = ("up", "--env", name, "--yes"), ("plan", "--env", name), ("down", "--env", name, "--yes")
    denied = refuses(
        "lambda:CreateFunction",
        code="AccessDeniedException",
        message=f"User: {DEPLOYER} is not authorized to perform: lambda:CreateFunction on resource: "
        f"arn:aws:lambda:us-east-1:000000000000:function:price-enricher-{name}",
        params_contain=f"price-enricher-{name}",
    )
    record("`up` in an empty account; one function may not be made", *up, but=denied)
    record("the right is given, and `up` goes on from there", *up)
    record("once more: nothing to do", *up)
    leave_over(record.world, name)
    record("an earlier version has left a queue and a role, and nobody is there to be asked", *up[:3])
    record("they are removed", *up)
    record("who may not list roles is told that former ones were not looked for", *plan, but=denies_roles())
    disturb(record.world, name)
    record("somebody has changed a role, a log group, and put a secret into a function", *plan)
    failed = {"State": "Failed", "StateReason": "The image is broken."}
    broken = Alters(
        operation="lambda:GetFunction",
        change=lambda document: document["Configuration"].update(failed),
        params_contain=f"price-enricher-{name}",
    )
    record(
        "a function could not be created, and nobody is there to be asked about it", *up[:3], but=(broken,)
    )
    record("how it stands", "status", "--env", name)
    unreadable = Alters(operation="lambda:GetFunction", change=no_environment)
    record("the functions' variables may not be read", *plan, but=(unreadable,))
    record(
        "it is removed; DynamoDB takes its time",
        *down,
        lengths=Windows(table_gone=2.5, queue_name=4),
        waits="table to be gone",
    )
    record("it is to be removed once more", *down)
    record("the key is pending deletion", "doctor", "--env", name)
    record("`up` would take the key back", *plan, "--only", f"alias/lambda-env-{name}")
    check("A life 1: from an empty account to an empty account", record.situations)


def leave_over(world: World, name: str) -> None:
    trust = {"Version": "2012-10-17", "Statement": []}
    world.account["iam"].create_role(
        RoleName=f"former-{name}-role", AssumeRolePolicyDocument=json.dumps(trust), Tags=tags(name)
    )
    owner = {tag["Key"]: tag["Value"] for tag in tags(name)}
    world.account["sqs"].create_queue(QueueName=f"former-dlq-{name}", tags=owner)


def denies_roles() -> tuple[Refuses]:
    message = f"User: {DEPLOYER} is not authorized to perform: iam:ListRoles"
    return refuses("iam:ListRoles", code="AccessDenied", message=message, status=403)


def disturb(world: World, name: str) -> None:
    world.account["iam"].attach_role_policy(
        RoleName=f"error-notifier-{name}-role", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    world.account["logs"].put_retention_policy(
        logGroupName=f"/aws/lambda/error-notifier-{name}", retentionInDays=7
    )
    function, functions = f"error-notifier-{name}", world.account["lambda"]
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "API_KEY": "not-to-be-seen"}}
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})


def test_messages_of_accidents(record: MessageRecorder, removed: Callable[[str], str]) -> None:
    name = removed("hurt")
    world = record.world
    group, table = f"log group /aws/lambda/price-enricher-{name}", f"table crypto-prices-{name}"
    up = ("up", "--env", name, "--only")
    trap = Trap(matches=lambda request: request.operation == "CreateLogGroup", accident=Accident.KILLED_AFTER)
    record("killed in the midst of it (there is no one to say anything)", *up, group, trap=trap)
    record("the next `up` finds what is there", *up, group)
    lost = Trap(matches=lambda request: request.operation == "CreateKey", accident=Accident.ANSWER_LOST)
    record(
        "the answer to a request is lost: it looks, and makes nothing twice",
        *up,
        f"key alias/lambda-env-{name}",
        trap=lost,
    )

    world.proxy.behave(Windows(table=600))
    running = world.clients.start(*up, table)
    eventually(lambda: "waits for" in running.stderr(), "word of the wait")
    running.interrupt()
    result = running.wait()
    record.add(
        "interrupted while it waits", (*up, table), result.code, result.out, result.err, waits="to be active"
    )
    record("the next `up` goes on", *up, table, lengths=Windows())

    [blocked] = refuses(
        "sqs:CreateQueue",
        code="AWS.SimpleQueueService.QueueDeletedRecently",
        message="You must wait 60 seconds after deleting a queue before you can create another.",
    )
    record(
        "a queue was deleted a moment ago",
        *up,
        f"queue price-enricher-dlq-{name}",
        but=(Passes(blocked, after_s=2.5),),
        waits="the queue's name",
    )
    world.account["logs"].delete_log_group(logGroupName=f"/aws/lambda/price-enricher-{name}")
    world.account["logs"].create_log_group(logGroupName=f"/aws/lambda/price-enricher-{name}")
    record("a late line has brought a log group back without its tags: it is ours", *up, group)
    check("A life 2: accidents", record.situations)


def test_messages_for_machines(record: MessageRecorder, removed: Callable[[str], str]) -> None:
    name = removed("robot")
    group = f"log group /aws/lambda/price-enricher-{name}"
    up = ("up", "--env", name, "--only", group, "--output", "json")
    full = refuses(
        "logs:PutRetentionPolicy", code="LimitExceededException", message="Resource limit exceeded."
    )
    record("a failure halfway", *up, but=full)
    record("the next `up` goes on", *up)
    record("a plan without anything to do", "plan", *up[1:])
    record(
        "a check that fails",
        "doctor",
        "--env",
        name,
        "--output",
        "json",
        but=refuses("sqs:GetQueueUrl", code="AccessDenied", message="…"),
    )
    check("For machines 1: --output json", record.situations)


def test_messages_at_a_terminal(record: MessageRecorder, removed: Callable[[str], str]) -> None:
    name = removed("asked")
    world = record.world
    world.proxy.behave()
    world.clients.run("up", "--env", name, "--only", f"topic price-alerts-{name}")
    down = ("down", "--env", name)
    with terminal(world.clients.variables, *down) as asking:
        eventually(lambda: "to delete it" in asking.shown(), "the question")
        asking.type("asket\n")
        code = asking.process.wait(60)
        record.add("removed? the person types another name", down, code, "", asking.close())
    check("In the way 2: asked at a terminal", record.situations)


def test_messages_of_doctor(record: MessageRecorder) -> None:
    doctor = ("doctor", "--env", "e")
    record("all is well", *doctor)
    for title, date in (
        ("the clock is wrong", "Mon, 02 Jan 2023 03:04:05 GMT"),
        ("nobody says how late it is", "?"),
    ):
        dates = Rewrites(operation="sts:GetCallerIdentity", headers=(("Date", date),))
        record(title, *doctor, but=(dates,))
    somebody = Rewrites(operation="sts:GetCallerIdentity", old=ROOT, new=DEPLOYER)
    simulated = "iam:SimulatePrincipalPolicy"
    deny = Rewrites(operation=simulated, old="allowed", new="implicitDeny")
    record("rights are missing", *doctor, but=(somebody, deny))
    record(
        "nobody may ask IAM", *doctor, but=(somebody, *refuses(simulated, code="AccessDenied", message="No."))
    )
    small = Alters(operation="lambda:GetAccountSettings", change=small_quota)
    record("a quota is too small", *doctor, but=(small,))
    # The state directory of this one is the world's: then its engine is the local one.
    record("on the embedded engine", *doctor, "--local", CRYPTOCTL_STATE_DIR=str(record.world.home))
    check("Doctor 1: each check, good and bad", record.situations)
