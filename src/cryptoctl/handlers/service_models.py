"""How botocore comes to know AWS's services, in half of the time that it takes by itself.

Before it loads the model of a service, botocore looks into the directories of all 400 services. That takes
12 ms of a CPU, and another 10 in each thread that asks for a page while no other has yet. It reads each file
into OrderedDicts, which takes twice as long as dicts. And it registers event handlers for 30 services, most
of them for S3, which each client copies: half of the time of a session and its first client, once models are
known.
"""

import gzip
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

# Those that the pipeline consists of, and those that credentials come from.
SERVICES = frozenset(
    (
        *("cloudwatch", "dynamodb", "dynamodbstreams", "iam", "kms", "lambda", "logs"),
        *("resourcegroupstaggingapi", "signin", "sns", "sqs", "ssm", "sso", "sso-oidc", "sts"),
    )
)


def new_session(profile: str | None = None, variables: dict[str, Any] | None = None) -> Session:
    """A session of botocore: of that profile, else of the one that the environment names.

    `variables` are botocore's session variables. May raise BotoCoreError for an unusable configuration, which
    the session's clients raise otherwise.
    """
    session = Session(session_vars=variables, include_builtin_handlers=False)
    _register_handlers(session.get_component("event_emitter"))
    if profile is not None:
        session.set_config_variable("profile", profile)
    session.register_component("data_loader", _models(session.get_config_variable("data_path")))
    return session


def _register_handlers(emitter: Any) -> None:
    """botocore's own, but for those of other services and those that write documentation."""
    register = {REGISTER_FIRST: emitter.register_first, REGISTER_LAST: emitter.register_last}
    for event, handler, *place in BUILTIN_HANDLERS:
        kind, _, subject = event.partition(".")
        service = subject.partition(".")[0]
        if kind != "docs" and (not service or service in SERVICES):
            (register[place[0]] if place else emitter.register)(event, handler)


@cache
def _models(data_path: str | None) -> "ServiceModels":
    """One for all sessions with the same `data_path`, botocore's setting for directories of models."""
    directories = data_path.split(os.pathsep) if data_path else []
    # As botocore does it: a Path takes an empty name for the current directory, and refuses unknown users.
    return ServiceModels([os.path.expanduser(os.path.expandvars(path)) for path in directories])  # noqa: PTH111


class _Files(JSONFileLoader):  # type: ignore[misc]
    """JSON files, compressed or not."""

    def load_file(self, file_path: str) -> Any:
        """What is in the file whose path is given without its ending; None where there is none."""
        for ending, decode in ((".json", bytes), (".json.gz", gzip.decompress)):
            if os.path.isfile(file_path + ending):  # noqa: PTH113 - False where one may not look
                return json.loads(decode(Path(file_path + ending).read_bytes()))
        return None


class ServiceModels(Loader):  # type: ignore[misc]
    """botocore's loader, which looks for the service that is asked for and for no other."""

    def __init__(self, directories: list[str]) -> None:
        super().__init__(extra_search_paths=directories, file_loader=_Files())

    @property
    def search_paths(self) -> list[str]:
        """Where it looks. boto3 adds a directory of its own for each session, for what is not used here."""
        return list(super().search_paths)

    def list_available_services(self, type_name: str) -> "_Services":
        """The services that have a file of this type."""
        return _Services(self, type_name)


class _Services:
    """Services of which one is looked for when it is asked for, and all are when they are listed."""

    def __init__(self, loader: ServiceModels, type_name: str) -> None:
        self._loader, self._type_name = loader, type_name

    def __contains__(self, name: str) -> bool:
        try:
            return bool(self._loader.list_api_versions(name, self._type_name))
        except DataNotFoundError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(Loader.list_available_services(self._loader, self._type_name))
