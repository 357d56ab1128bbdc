"""A sender's secret in its parameter: read for a person, and replaced.

The permissions are those of the parameter itself: who deploys may, who operates or reads may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cryptoctl.aws import Aws, AwsError
from cryptoctl.aws_errors import Remedy
from cryptoctl.core.webhook_secrets import (
    MAX_SECRET_LENGTH,
    SecretEncoding,
    SecretError,
    SenderSecret,
    key_bytes,
    new_secret,
    parse_secret,
)
from cryptoctl.errors import ExitCode, Failure, InputError
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.times import iso_of_ms
from cryptoctl.provisioners.parameter import NOT_FOUND, TYPE, Parameter
from cryptoctl.stack import Stack

# By then each instance of the function has read its senders' parameters again; see sender_secrets.py.
READ_AGAIN_S = 60.0
MIN_SECRET_LENGTH = 16
MAX_AT_ONCE = 10  # rotations at the same time
MAX_GRACE = timedelta(days=365)
_FITS_AN_ADDRESS = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)

# The same code tells of a key that is switched off, goes, or is gone.
REMEDIES = (
    *(remedy for remedy in Parameter.remedies if remedy.contains),
    Remedy(
        codes=("InvalidKeyId",),
        operations=("GetParameter",),
        hint="The secret lies under a key that cannot be used: `cryptoctl plan` shows whether it is the "
        "environment's, which `cryptoctl up` brings back.",
    ),
    *Parameter.remedies,
)


@dataclass(frozen=True, kw_only=True, repr=False)
class SecretStore:
    """Where the secret of one sender is kept."""

    aws: Aws
    stack: Stack
    sender: str

    @property
    def parameter(self) -> Parameter:
        """The sender's parameter."""
        return self.stack.webhook_secrets[self.sender]

    def read(self) -> SenderSecret:
        """The secret as it is. Raises Failure where there is none, or something else."""
        return self._parse(self._stored()["Value"])

    def _stored(self, version: int | None = None) -> Mapping[str, Any]:
        """What the parameter holds, or what a version of it was. Raises Failure where there is none."""
        params = self.parameter.read_params(version)
        try:
            response = self.aws.find("ssm", "GetParameter", not_found=NOT_FOUND, **params)
        except AwsError as error:
            error.remedies = REMEDIES
            raise
        if response is None:
            raise not_deployed(self.aws, self.stack.scope, str(self.parameter))
        parameter: Mapping[str, Any] = response["Parameter"]
        return parameter

    def _parse(self, text: str) -> SenderSecret:
        try:
            secret = parse_secret(text)
            for value in filter(None, (secret.secret, secret.previous)):
                key_bytes(value, _encoding(self.stack, self.sender))
        except SecretError as error:
            raise Failure(
                ExitCode.FAILED,
                f"The parameter {self.parameter.name} holds no secret of cryptoctl's: {error}.",
                f"Write a new one with `cryptoctl webhook rotate {self.sender} --replace`.",
            ) from error
        return secret

    def rotate(self, new: str, *, now_ms: int, grace: timedelta) -> SenderSecret:
        """Replaces the secret; the old one counts for as long as `grace` says.

        Raises Failure (REFUSED) where one before it still counts, which only a grace of 0 may end, and where
        another rotation came at the same time: then that one's secret is the one that counts.
        """
        stored = self._stored()
        present = self._parse(stored["Value"])
        if grace and len(present.accepted(now_ms)) > 1:
            raise Failure(
                ExitCode.REFUSED,
                f"The secret of {self.sender} was rotated before, and the one before it counts until "
                f"{iso_of_ms(present.until_ms)}: a sender that still has that one would be refused at once.",
                f"`cryptoctl webhook show {self.sender} --reveal` shows the present one, for the sender to "
                "change to. Rotate again after that time, or with --grace 0s, which ends both.",
            )
        rotated = present.rotated(new, now_ms=now_ms, grace=grace)
        written = self._put(rotated.text())
        if written != stored["Version"] + 1:
            before = self._stored(written - 1)["Value"]
            # `up` writes the same value again where it lies under another key.
            if before not in (stored["Value"], rotated.text()):
                self._restore(before, written)
                raise Failure(
                    ExitCode.REFUSED,
                    f"The secret of {self.sender} was rotated by somebody else at the same time: that one's "
                    "new secret counts, and this command's does not.",
                    f"`cryptoctl webhook show {self.sender} --reveal` shows the one that counts.",
                )
        return rotated

    def _restore(self, text: str, version: int) -> None:
        """Writes what this rotation overwrote, or what was written since: whoever wrote last is obeyed."""
        try:
            for _ in range(MAX_AT_ONCE):
                written = self._put(text)
                if written == version + 1:
                    return
                version, text = written, self._stored(written - 1)["Value"]
        except AwsError as error:
            raise Failure(
                ExitCode.FAILED,
                f"The secret of {self.sender} was rotated by somebody else at the same time. This command "
                f"overwrote that one's new secret and could not put it back: {error}.",
                f"`cryptoctl webhook show {self.sender} --reveal` shows the one that counts now: give it "
                "to the sender, or rotate once more.",
            ) from error

    def write(self, secret: SenderSecret) -> None:
        """Replaces what the parameter holds, whatever that is, under the key that it has."""
        self._put(secret.text())

    def _put(self, text: str) -> int:
        """Gives the parameter's new version."""
        name = self.parameter.name
        observed = self.parameter.observe_or_fail(self.aws)
        if observed is None:
            raise not_deployed(self.aws, self.stack.scope, str(self.parameter))
        if observed.fields["Type"] != TYPE:
            obstacle = self.parameter.of_another_type(observed)
            raise Failure(ExitCode.REFUSED, f"{obstacle.what} Nothing was changed.", obstacle.hint)
        response = self.aws.call(
            "ssm",
            "PutParameter",
            Name=name,
            Value=text,
            Type=TYPE,
            # Without these the account's own key and tier would take their place.
            KeyId=observed.fields["KeyId"],
            Tier=observed.fields["Tier"],
            Overwrite=True,
        )
        return int(response["Version"])


def secret_for(stack: Stack, sender: str) -> str:
    """A new secret as the sender's scheme takes it."""
    return new_secret(_encoding(stack, sender))


def parse_sender_secret(stack: Stack, sender: str, text: str) -> str:
    """A secret that the sender has made. Raises Failure (USAGE) where it cannot be one."""
    secret = text.strip()
    if not MIN_SECRET_LENGTH <= len(secret) <= MAX_SECRET_LENGTH or not secret.isprintable():
        raise InputError(
            f"The secret has {len(secret)} characters; it must be {MIN_SECRET_LENGTH} to {MAX_SECRET_LENGTH} "
            "printable ones on one line."
        )
    keys = stack.config.webhook.senders[sender].with_preset()
    if keys.get("token_in_path") and not _FITS_AN_ADDRESS.fullmatch(secret):
        raise InputError(
            f"This is no secret for {sender}: it stands in the address, where it can have only the letters "
            "A to Z and a to z, digits, and the characters - . _ ~"
        )
    if not secret.isascii() and keys["scheme"] != "hmac":
        raise InputError(f"This is no secret for {sender}: it has characters beyond ASCII.")
    try:
        key_bytes(secret, _encoding(stack, sender))
    except SecretError as error:
        raise InputError(f"This is no secret for {sender}: {error}.") from error
    return secret


def _encoding(stack: Stack, sender: str) -> SecretEncoding:
    encoding: SecretEncoding = (
        stack.config.webhook.senders[sender].with_preset().get("secret_encoding", "raw")
    )
    return encoding
