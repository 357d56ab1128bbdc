"""What a command works with: the environment, its target, the AWS connection, the stack."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from cryptoctl import env_vars, last_location, settings_file
from cryptoctl.aws import AccessKey, Aws
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.last_location import LastLocation
from cryptoctl.reconcile.scope import Scope
from cryptoctl.settings import DEFAULT_REGION, EnvironmentSettings, Settings, Target

if TYPE_CHECKING:
    from cryptoctl.local.engine import Engine, EngineOptions, EngineStatus
    from cryptoctl.stack import Stack

# Of every environment on the embedded engine (docs/decisions/0003-one-account-for-local-environments.md).
ENGINE_ACCOUNT = "000000000000"
# A busy engine answers late; one that is suspended, or hangs, never.
ENGINE_RESPONDS_WITHIN_S = 5.0
ENGINE_WAIT_S = 25.0


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """The common options as given on the command line; None is "not given"."""

    environment: str | None = None
    profile: str | None = None
    region: str | None = None
    target: Target | None = None
    config: Path | None = None


@dataclass
class Session:
    """What one command works with. Everything is computed when it is first needed."""

    options: SessionOptions = field(default_factory=SessionOptions)
    notify: Callable[[str], None] = lambda _: None
    """Told what is waited for."""
    every_environment: bool = False
    """Whether the command is about all environments: which one is named, and where it is, does not matter."""

    @cached_property
    def settings(self) -> Settings:
        """cryptoctl.toml, checked."""
        return settings_file.load(self.options.config)

    @cached_property
    def environment(self) -> str:
        """The environment's name. Where the file names environments, an unknown name is refused."""
        name = settings_file.environment_name(self.options.environment, self.settings)
        names = () if self.every_environment else self.settings.env
        if names and name not in names and last_location.read(name) is None:
            raise InputError(
                f"There is no environment {name} in the configuration (it has: {', '.join(names)}).",
                f"Name one of them (--env {next(iter(names))}, or `default_env` in cryptoctl.toml), or add a "
                f"table [env.{name}].",
            )
        return name

    @cached_property
    def config(self) -> EnvironmentSettings:
        """The environment's settings; the defaults where the file does not name it."""
        return self.settings.env.get(self.environment, EnvironmentSettings())

    @cached_property
    def last_location(self) -> LastLocation | None:
        """Where `up` last put the environment, as far as this machine knows."""
        return last_location.read(self.environment)

    @cached_property
    def target(self) -> Target:
        """Command line, then file, then where `up` last put it, then AWS."""
        if self.options.target is not None:
            return self.options.target
        if self.config.target is not None:
            return self.config.target
        return self.last_location.target if self.last_location else Target.AWS

    @cached_property
    def engine(self) -> Engine:
        """The embedded engine of this user on this machine."""
        from cryptoctl.local.engine import Engine

        return Engine(env_vars.state_directory() / "engine")

    def start_engine(self) -> tuple[str, ...]:
        """Starts the embedded engine where this environment lives in it; what a person should know of it."""
        if self.target is not Target.LOCAL:
            return ()
        started = self.engine.start(port=self.settings.engine.port, options=self.engine_options)
        return tuple(note for note in started.notes if note not in self.engine.other_code())  # told by `aws`

    @cached_property
    def engine_options(self) -> EngineOptions:
        """The engine's settings from the file."""
        from cryptoctl.local.engine import EngineOptions

        engine = self.settings.engine
        return EngineOptions(
            async_retry_delays_s=engine.async_retry_delays_s,
            save_every_s=engine.save_every_s,
            idle_environment_s=engine.idle_environment_s,
        )

    @cached_property
    def aws(self) -> Aws:
        """AWS, or the engine. An account that is known before is confirmed beside the first requests."""
        if self.target is Target.LOCAL:
            self._check_account(ENGINE_ACCOUNT)
            return self._engine_aws()
        aws = self._real_aws()
        self._check_region(aws)
        if self._expected_account is not None:
            aws.confirm(lambda caller: self._check_account(caller.account))
        return aws

    @cached_property
    def _expected_account(self) -> str | None:
        """The only account in which the command may work, where that is known before AWS is asked."""
        if self.target is Target.LOCAL:
            return ENGINE_ACCOUNT
        if self.every_environment:
            return None
        if self.config.account_id is not None:
            return self.config.account_id
        last = self.last_location
        return last.account if last and last.target is self.target else None

    @property
    def _named_region(self) -> str | None:
        """The region that was named for the command; a profile's was not."""
        return self.options.region or self.config.region or env_vars.aws_region()

    def _real_aws(self) -> Aws:
        profile = self.options.profile or self.config.profile
        return Aws(region=self._named_region, profile=profile, notify=self.notify)

    def _engine_aws(self) -> Aws:
        status = self.engine.status()
        if status.url is None:
            raise Failure(
                ExitCode.UNREACHABLE,
                "The embedded engine is not running.",
                "Start it with `cryptoctl local start`, or use `cryptoctl up --local`; "
                "with --aws the command goes to AWS.",
            )
        self._await_engine(status)
        for note in self.engine.other_code():
            self.notify(note)
        made_up = self.engine.credentials(self.environment)
        return Aws(
            region=self.options.region or self.config.region or DEFAULT_REGION,
            endpoint_url=status.url,
            credentials=AccessKey(access_key=made_up.access_key, secret_key=made_up.secret_key),
            notify=self.notify,
        )

    def _await_engine(self, status: EngineStatus) -> None:
        """Raises Failure where it does not answer: each request would wait for minutes."""
        if self.engine.responds(ENGINE_RESPONDS_WITHIN_S):
            return
        name = f"The embedded engine (process {status.pid}, {status.url})"
        self.notify(f"{name} does not answer yet; waiting for {ENGINE_WAIT_S:.0f} s more at most …")
        if not self.engine.responds(ENGINE_WAIT_S):
            raise Failure(
                ExitCode.UNREACHABLE,
                f"{name} runs, but has not answered for {ENGINE_RESPONDS_WITHIN_S + ENGINE_WAIT_S:.0f} s.",
                f"If somebody has suspended it, `kill -CONT {status.pid}` lets it go on. Else "
                "`cryptoctl local stop`, then `cryptoctl local start` start it anew with its data; "
                "`cryptoctl local logs` may say more.",
            )

    def _check_region(self, aws: Aws) -> None:
        """A region that nobody has chosen must be the one in which the environment is."""
        last = self.last_location
        if self._named_region or last is None or last.target is not self.target or last.region is None:
            return
        if aws.region == last.region or self._expected_account != last.account:
            return
        origin = "as the AWS profile says" if aws.region_is_named else "the default"
        raise InputError(
            f"{self.environment} was last brought up in {last.region}, and nothing names a region: "
            f"this would work in {aws.region}, {origin}.",
            f"Name it: --region {last.region}, `region` in cryptoctl.toml, or AWS_REGION; the same with "
            f"{aws.region} if the environment has moved.",
        )

    def _check_account(self, account: str) -> None:
        pin = None if self.every_environment else self.config.account_id
        if pin not in (None, account) and self.target is Target.LOCAL:
            raise Failure(
                ExitCode.CREDENTIALS,
                f"{self.environment} is pinned to account {pin}, and the embedded engine is {account}.",
                "With --aws the command goes to AWS. For the engine choose another --env, or take account_id "
                "out of cryptoctl.toml.",
            )
        if pin is not None and account != pin:
            raise Failure(
                ExitCode.CREDENTIALS,
                f"The credentials belong to account {account}, "
                f"but {self.environment} is pinned to account {pin}.",
                "Name the right --profile, or change account_id in cryptoctl.toml.",
            )
        last = self.last_location
        if pin is None and last and last.target is self.target and last.account != account:
            raise Failure(
                ExitCode.CREDENTIALS,
                f"The credentials belong to account {account}, "
                f"but {self.environment} was last brought up in account {last.account}.",
                "Name the right --profile; if the environment has moved, pin its account_id in "
                "cryptoctl.toml.",
            )

    @cached_property
    def scope(self) -> Scope:
        """The environment in its account and region."""
        from cryptoctl.stack import APPLICATION

        return Scope(
            environment=self.environment,
            account=self._expected_account or self.aws.caller.account,
            region=self.aws.region,
            partition=self.aws.partition,
            extra_tags=APPLICATION,
        )

    @cached_property
    def stack(self) -> Stack:
        """The environment's resources as they should be."""
        from cryptoctl.bundle import build
        from cryptoctl.stack import Stack

        return Stack(self.scope, self.config, build())

    def save_last_location(self) -> None:
        """Saves target, account and region."""
        location = LastLocation(target=self.target, account=self.scope.account, region=self.scope.region)
        last_location.write(self.environment, location)

    @property
    def location_fields(self) -> dict[str, str | None]:
        """Environment, target, account, region as far as known (JSON members); sends no request."""
        aws_values = vars(vars(self)["aws"]) if "aws" in vars(self) else {}
        scope, caller = vars(self).get("scope"), aws_values.get("caller")
        expected = scope.account if scope else self._expected_account if aws_values else None
        return {
            "environment": self._known("environment"),
            "target": self._known("target"),
            "account": caller.account if caller else expected,
            "region": aws_values.get("region"),
        }

    @property
    def aws_cli_options(self) -> dict[str, str]:
        """The options with which the AWS CLI asks the same AWS, or the engine, as far as they are known."""
        try:
            config, local = self.config, self.target is Target.LOCAL
        except Failure:  # which the command itself reports
            config, local = EnvironmentSettings(), self.options.target is Target.LOCAL
        region = self.options.region or config.region or self.location_fields["region"]
        if local:
            return {"--endpoint-url": self._engine_url(), "--region": region or DEFAULT_REGION}
        options = {"--region": region, "--profile": self.options.profile or config.profile}
        return {name: value for name, value in options.items() if value}

    def _engine_url(self) -> str:
        """Where the engine answers, or will answer once it runs."""
        from cryptoctl.local.engine import DEFAULT_PORT
        from cryptoctl.local.errors import EngineError

        port = DEFAULT_PORT
        with suppress(Failure, EngineError, OSError):
            port = self.settings.engine.port or port
            return self.engine.status().url or f"http://127.0.0.1:{port}"
        return f"http://127.0.0.1:{port}"

    def _known(self, name: str) -> str | None:
        try:
            return str(getattr(self, name))
        except Failure:  # which the command itself reports
            return None

    @property
    def location(self) -> str:
        """Where, for a person: account and region, or this machine."""
        if self.target is Target.LOCAL:
            return f"{self.environment} on this machine"
        return f"{self.environment} in {self.scope.account}, {self.scope.region}"
