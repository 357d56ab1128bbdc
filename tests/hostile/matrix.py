"""Law 7's matrix: one accident at every writing call of `up`, of an `up` that mends, and of `down`."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hostile.inventory import UUID, Account
from hostile.proxy import Accident, Entry, Trap
from hostile.wire import Request
from hostile.world import World

SUBJECT = (
    "FunctionName",
    "RoleName",
    "PolicyName",
    "TableName",
    "QueueName",
    "QueueUrl",
    "Name",
    "TopicArn",
    "logGroupName",
    "filterName",
    "AliasName",
    "StatementId",
    "Resource",
    "ResourceArn",
    "resourceArn",
)
PHASES = ("up", "mend", "down")


@dataclass(frozen=True, kw_only=True)
class WriteCall:
    """One writing call: what it does to what, and the how-manieth of its kind."""

    label: str
    number: int

    def __str__(self) -> str:
        return f"{self.label}{f' (no. {self.number})' if self.number > 1 else ''}"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One accident at one writing call of one phase."""

    phase: str
    call: WriteCall
    accident: Accident

    def __str__(self) -> str:
        return f"{self.phase}: {self.call}: {self.accident}"


def label(request: Request, environment: str) -> str:
    """The call in words that are the same in every run."""
    params = request.params or {}
    subject = " ".join(str(params[name]) for name in SUBJECT if name in params)
    subject = UUID.sub("UUID", re.sub(rf"\b{environment}\b", "E", subject))
    return f"{request} {subject.rpartition('/')[2] if '://' in subject else subject}"


def write_calls(recorded: Iterable[Entry], environment: str) -> list[WriteCall]:
    """Every writing call of a run that nothing disturbed."""
    counts: Counter[str] = Counter()
    calls = []
    for entry in recorded:
        if entry.request.writes:
            name = label(entry.request, environment)
            counts[name] += 1
            calls.append(WriteCall(label=name, number=counts[name]))
    return calls


def trap(case: Case, environment: str) -> Trap:
    """The trap that springs at that call."""
    met = 0

    def matches(request: Request) -> bool:
        nonlocal met
        if not request.writes or label(request, environment) != case.call.label:
            return False
        met += 1
        return met == case.call.number

    return Trap(matches=matches, accident=case.accident)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What a run without accidents does and leaves."""

    write_calls: dict[str, list[WriteCall]]
    inventory: dict[str, object]

    def cases(self, phase: str, accident: Accident) -> list[Case]:
        """One case for each writing call of a phase."""
        return [Case(phase=phase, call=call, accident=accident) for call in self.write_calls[phase]]


def baseline(world: World, environment: str) -> Baseline:
    """Runs all phases undisturbed."""
    calls: dict[str, list[WriteCall]] = {}
    behaviour = world.proxy.behave()
    world.up(environment)
    calls["up"] = write_calls(behaviour.recorded, environment)
    inventory = world.account.inventory(environment)
    assert world.plan_is_empty(environment)
    disturb(world.account, environment)
    behaviour = world.proxy.behave()
    world.up(environment)
    calls["mend"] = write_calls(behaviour.recorded, environment)
    problems = differences(inventory, world.account.inventory(environment))
    assert problems == [], problems
    behaviour = world.proxy.behave()
    world.down(environment)
    calls["down"] = write_calls(behaviour.recorded, environment)
    assert world.account.inventory(environment) == {}
    return Baseline(write_calls=calls, inventory=inventory)


def run(world: World, base: Baseline, cases: Sequence[Case | None], environment: str) -> list[str]:
    """One life of an environment, with an accident in each phase; gives what was wrong."""
    problems = []
    for phase, case in zip(PHASES, cases, strict=True):
        if phase == "mend":
            disturb(world.account, environment)
        command = "down" if phase == "down" else "up"
        expected = {} if phase == "down" else base.inventory
        wrong = [] if case is None else _accident(world, case, command, environment)
        problems += [f"{case}: {problem}" for problem in wrong]
        world.proxy.behave()
        # A command that an answer is lost to gets over it by itself.
        if wrong or case is None or case.accident is not Accident.ANSWER_LOST:
            result = world.clients.run(command, "--env", environment, "--yes", "--aws")
            if result.code:
                problems.append(
                    f"{case}: the next {command} ended with {result.code}: {problem_lines(result.err)}"
                )
        problems += [
            f"{case}: {problem}" for problem in differences(expected, world.account.inventory(environment))
        ]
        if phase != "down" and not world.plan_is_empty(environment):
            problems.append(f"{case}: the next plan is not empty")
    return problems


def _accident(world: World, case: Case, command: str, environment: str) -> list[str]:
    sprung = trap(case, environment)

    def set_victim(pid: int) -> None:
        sprung.victim = pid

    # The command's first request is a read; by then its process id is known.
    world.proxy.behave(trap=sprung)
    result = world.clients.start(command, "--env", environment, "--yes", "--aws", on_start=set_victim).wait()
    if sprung.sprung is None:
        return [f"the call was never made; it ended with {result.code}: {problem_lines(result.err)}"]
    if case.accident is Accident.ANSWER_LOST and result.code:
        return [f"it did not get over it: {result.code}: {problem_lines(result.err)}"]
    return []


def differences(expected: dict[str, object], actual: dict[str, object]) -> list[str]:
    """What is there and should not be, or is otherwise than it should be."""
    names = [name for name in (*expected, *actual) if expected.get(name) != actual.get(name)]
    return [
        f"{name} is {json.dumps(actual.get(name))}, not {json.dumps(expected.get(name))}"
        for name in dict.fromkeys(names)
    ]


def wrong_with(world: World, base: Baseline, environment: str) -> list[str]:
    """How an environment that is up differs from one that nothing has disturbed."""
    return differences(base.inventory, world.account.inventory(environment))


def disturb(account: Account, environment: str) -> None:
    """Changes something of every kind behind cryptoctl's back, and takes some things away."""
    for change in DISTURBANCES:
        change(account, environment)


def _key(account: Account, name: str) -> None:
    kms = account["kms"]
    key = kms.describe_key(KeyId=f"alias/lambda-env-{name}")["KeyMetadata"]["KeyId"]
    kms.disable_key_rotation(KeyId=key)
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    policy["Statement"] = policy["Statement"][:1]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    kms.untag_resource(KeyId=key, TagKeys=["Application"])


def _key_leaving(account: Account, name: str) -> None:
    kms = account["kms"]
    key = kms.describe_key(KeyId=f"alias/lambda-env-{name}")["KeyMetadata"]["KeyId"]
    kms.delete_alias(AliasName=f"alias/lambda-env-{name}")
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def _table(account: Account, name: str) -> None:
    dynamodb, table = account["dynamodb"], f"crypto-prices-{name}"
    dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["Application"])


def _queues(account: Account, name: str) -> None:
    sqs = account["sqs"]
    url = sqs.get_queue_url(QueueName=f"webhook-processor-dlq-{name}")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"MessageRetentionPeriod": "3600"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["Application"])
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=f"price-enricher-dlq-{name}")["QueueUrl"])


def _topics(account: Account, name: str) -> None:
    sns = account["sns"]
    arns = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
    (success,) = [arn for arn in arns if arn.endswith(f":price-updates-success-{name}")]
    sns.untag_resource(ResourceArn=success, TagKeys=["Application"])
    (alerts,) = [arn for arn in arns if arn.endswith(f":price-alerts-{name}")]
    sns.delete_topic(TopicArn=alerts)


def _logs(account: Account, name: str) -> None:
    logs = account["logs"]
    group = f"/aws/lambda/webhook-processor-{name}"
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    arn = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"].removesuffix(":*")
    logs.untag_resource(resourceArn=arn, tagKeys=["Application"])
    logs.delete_subscription_filter(logGroupName=group, filterName=f"webhook-error-filter-{name}")
    logs.delete_log_group(logGroupName=f"/aws/lambda/error-notifier-{name}")


def _roles(account: Account, name: str) -> None:
    iam = account["iam"]
    role = f"webhook-processor-{name}-role"
    iam.delete_role_policy(RoleName=role, PolicyName="sqs-dlq-access")
    iam.put_role_policy(RoleName=role, PolicyName="surplus", PolicyDocument=json.dumps(SURPLUS))
    iam.attach_role_policy(RoleName=role, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(TRUSTS_SOMEBODY_ELSE))
    iam.untag_role(RoleName=role, TagKeys=["Application"])
    again = f"price-enricher-{name}-role"
    for policy in iam.list_role_policies(RoleName=again)["PolicyNames"]:
        iam.delete_role_policy(RoleName=again, PolicyName=policy)
    iam.delete_role(RoleName=again)


def _functions(account: Account, name: str) -> None:
    functions = account["lambda"]
    webhook, notifier = f"webhook-processor-{name}", f"error-notifier-{name}"
    enricher = f"price-enricher-{name}"
    arn = functions.get_function(FunctionName=webhook)["Configuration"]["FunctionArn"]
    functions.untag_resource(Resource=arn, TagKeys=["Application"])
    functions.delete_function_concurrency(FunctionName=webhook)
    functions.update_function_configuration(FunctionName=webhook, MemorySize=128)
    functions.remove_permission(FunctionName=notifier, StatementId="webhook-errors")
    functions.put_function_event_invoke_config(
        FunctionName=enricher, MaximumRetryAttempts=2, MaximumEventAgeInSeconds=60
    )
    # Refused while another change of the same function is under way, hence on another one.
    functions.update_function_code(FunctionName=enricher, ZipFile=EMPTY_ZIP)


def _monitoring(account: Account, name: str) -> None:
    cloudwatch = account["cloudwatch"]
    alarm = cloudwatch.describe_alarms(AlarmNamePrefix=f"cryptoctl-{name}-")["MetricAlarms"][0]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    (board,) = cloudwatch.list_dashboards(DashboardNamePrefix=f"cryptoctl-{name}-")["DashboardEntries"]
    cloudwatch.put_dashboard(DashboardName=board["DashboardName"], DashboardBody='{"widgets": []}')


DISTURBANCES: tuple[Callable[[Account, str], None], ...] = (
    _table,
    _queues,
    _topics,
    _logs,
    _functions,
    _roles,
    _monitoring,
    _key,
    _key_leaving,
)
SURPLUS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::nobody/x"}],
}
TRUSTS_SOMEBODY_ELSE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    ],
}
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def problem_lines(text: str) -> str:
    """Of a command's stderr, the lines about what did not work."""
    return " | ".join(line for line in text.splitlines() if line.startswith(("✗", "■", "error", "Traceback")))
