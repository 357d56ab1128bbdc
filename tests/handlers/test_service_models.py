"""AWS's services look to our sessions as they look to botocore's own, without the long way."""

import json
import os
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore.credentials
import botocore.session
import botocore.tokens
import pytest
from botocore import loaders
from botocore.exceptions import DataNotFoundError, ProfileNotFound, UnknownServiceError
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.session import Session

import cryptoctl
from cryptoctl.handlers import service_models
from cryptoctl.handlers.service_models import SERVICES, ServiceModels, new_session

SOURCE = Path(cryptoctl.__file__).parent
ASKED = re.compile(r"""\.(?:call|client|find|paginate)\(\s*"([a-z0-9-]+)\"""")
ASKED_FOR_CREDENTIALS = re.compile(
    r"""(?:client_creator\(|create_nested_client\(self\._session,)\s*["']([a-z0-9-]+)["']"""
)
TYPES = ("service-2", "paginators-1", "waiters-2", "endpoint-rule-set-1")
MODELS = "cloudwatch dynamodb iam kms lambda logs resourcegroupstaggingapi service-quotas sns sqs ssm sts"
MAX_LISTED = 3  # directories of one service: botocore's, the user's own, boto3's


@pytest.mark.parametrize("service", MODELS.split())
@pytest.mark.parametrize("kind", TYPES)
def test_a_model_is_the_same_as_botocore_s(service: str, kind: str) -> None:
    loader, models = loaders.Loader(), ServiceModels([])
    try:
        expected = loader.load_service_model(service, kind)
    except DataNotFoundError as error:
        with pytest.raises(type(error)):
            models.load_service_model(service, kind)
    else:
        model = models.load_service_model(service, kind)
        assert json.dumps(model) == json.dumps(expected)  # the order of members counts


def test_only_the_service_that_is_asked_for_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    listed: list[str] = []
    listdir = os.listdir

    def recorded(path: str) -> list[str]:
        listed.append(path)
        return listdir(path)

    models = ServiceModels([])
    monkeypatch.setattr(os, "listdir", recorded)
    for kind in TYPES:
        models.load_service_model("dynamodb", kind)

    assert {Path(path).name for path in listed} == {"dynamodb"}
    assert len(listed) <= len(TYPES) * MAX_LISTED


def test_a_service_that_there_is_not_is_named_beside_those_that_there_are() -> None:
    with pytest.raises(UnknownServiceError, match=r"'no-such'.*dynamodb, "):
        ServiceModels([]).load_service_model("no-such", "service-2")


def test_sessions_share_what_was_loaded_however_many_there_are() -> None:
    first, *others = (boto3.Session(botocore_session=new_session()) for _ in range(3))
    loader = first._session.get_component("data_loader")

    assert all(client._session.get_component("data_loader") is loader for client in others)
    assert len(loader.search_paths) <= MAX_LISTED
    assert boto3.__version__ in first._session.user_agent()


def test_a_directory_of_one_s_own_is_looked_in_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = botocore.session.Session().get_component("data_loader").load_service_model("sts", "service-2")
    (directory := tmp_path / "models" / "sts" / "2999-01-01").mkdir(parents=True)
    changed = {**model, "metadata": {**model["metadata"], "serviceId": "Own"}}
    (directory / "service-2.json").write_text(json.dumps(changed), encoding="utf-8")
    (tmp_path / "beside" / "sts" / "2999-01-01" / "service-2.json").mkdir(parents=True)  # no file
    monkeypatch.setenv("HERE", str(tmp_path))
    own = ["$HERE/beside", "$HERE/models", str(tmp_path / "none")]
    monkeypatch.setenv("AWS_DATA_PATH", os.pathsep.join(own))

    loaded = new_session().get_component("data_loader").load_service_model("sts", "service-2")

    assert loaded["metadata"]["serviceId"] == "Own"


def test_an_empty_name_is_not_the_current_directory_and_an_unknown_user_s_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sts" / "2999-01-01").mkdir(parents=True)
    (tmp_path / "sts" / "2999-01-01" / "service-2.json").write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_DATA_PATH", os.pathsep.join(["~nobody-of-that-name/models", "none", ""]))

    model = new_session().get_component("data_loader").load_service_model("sts", "service-2")

    assert model == ServiceModels([]).load_service_model("sts", "service-2")


def test_a_profile_that_is_named_goes_before_the_environment_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text("[profile p]\nregion = eu-west-3\n", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "no-such")
    monkeypatch.delenv("AWS_DATA_PATH", raising=False)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    assert new_session("p").get_config_variable("region") == "eu-west-3"
    with pytest.raises(ProfileNotFound):
        new_session()


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_what_botocore_does_at_an_event_of_our_services_is_done(service: str) -> None:
    model = Session().get_service_model(service)
    name = model.service_id.hyphenize()
    kinds = {event.partition(".")[0] for event, *_ in BUILTIN_HANDLERS} - {"docs"}
    events = {f"{kind}.{name}.{operation}" for kind in kinds for operation in model.operation_names}
    events |= {f"{kind}.{name}" for kind in kinds}

    assert handlers(new_session(), events) == handlers(Session(), events)


def test_every_service_that_is_asked_is_one_of_ours() -> None:
    asked = {name for file in SOURCE.rglob("*.py") for name in ASKED.findall(file.read_text("utf-8"))}
    assert {"dynamodb", "lambda", "sts"} <= asked <= SERVICES


def test_every_service_that_botocore_asks_for_credentials_is_one_of_ours() -> None:
    modules = (botocore.credentials, botocore.tokens)
    texts = [Path(module.__file__).read_text("utf-8") for module in modules]
    asked = {name for text in texts for name in ASKED_FOR_CREDENTIALS.findall(text)}
    assert {"sso", "sso-oidc", "sts"} <= asked <= SERVICES


def test_nothing_is_registered_for_other_services_and_for_documentation() -> None:
    not_ours = [
        (event, handler)
        for event, handler, *_ in BUILTIN_HANDLERS
        if event.startswith("docs.") or ("." in event and event.split(".")[1] not in SERVICES)
    ]
    registered = handlers(new_session(), {event for event, _ in not_ours})
    assert {"before-call.s3", "creating-client-class.rds"} <= registered.keys()
    assert [event for event, handler in not_ours if handler in registered[event]] == []


def test_a_handler_that_botocore_wants_first_or_last_is_called_first_or_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, between, last = (partial(SimpleNamespace, place=number) for number in range(3))
    own = [(last, REGISTER_LAST), (between,), (first, REGISTER_FIRST)]
    monkeypatch.setattr(service_models, "BUILTIN_HANDLERS", [("before-call.sqs", *entry) for entry in own])
    assert handlers(new_session(), {"before-call.sqs"})["before-call.sqs"] == [first, between, last]


def handlers(session: Session, events: set[str]) -> dict[str, list[object]]:
    emitter = session.get_component("event_emitter")._emitter
    return {event: list(emitter._handlers.prefix_search(event)) for event in events}
