"""A sender's secret in its parameter: read for a person, and replaced.

The permissions are those of the parameter itself: who deploys may, who operates or reads may not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from cryptoctl.aws import Aws
from cryptoctl.core.webhook_secrets import (
    LONGEST_SECRET,
    SecretEncoding,
    SecretError,
    SenderSecret,
    key_bytes,
    new_secret,
    parse_secret,
)
from cryptoctl.errors import Failure, Problem
from cryptoctl.ops.environments import not_deployed
from cryptoctl.ops.times import iso_of_ms
from cryptoctl.provisioners.parameter import NOT_FOUND, Parameter
from cryptoctl.stack import Stack

# By then each instance of the function has read its senders' parameters again; see sender_secrets.py.
READ_AGAIN_S = 60.0
SHORTEST_SECRET = 16
LONGEST_GRACE = timedelta(days=365)
_FITS_AN_ADDRESS = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)


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
        name = self.parameter.name
        found = self.aws.find("ssm", "GetParameter", absent=NOT_FOUND, Name=name, WithDecryption=True)
        if found is None:
            raise not_deployed(self.aws, self.stack.scope, str(self.parameter))
        try:
            secret = parse_secret(found["Parameter"]["Value"])
            for each in filter(None, (secret.secret, secret.previous)):
                key_bytes(each, _encoding(self.stack, self.sender))
        except SecretError as error:
            raise Failure(
                Problem.FAILED,
                f"The parameter {name} holds no secret of cryptoctl's: {error}.",
                f"Write a new one with `cryptoctl webhook rotate {self.sender} --replace`.",
            ) from error
        return secret

    def rotate(self, new: str, *, now_ms: int, grace: timedelta) -> SenderSecret:
        """Replaces the secret; the old one counts for as long as `grace` says.

        Raises Failure (REFUSED) where one before it still counts, which only a grace of 0 may end.
        """
        found = self.read()
        if grace and len(found.accepted(now_ms)) > 1:
            raise Failure(
                Problem.REFUSED,
                f"The secret of {self.sender} was rotated before, and the one before it counts until "
                f"{iso_of_ms(found.until_ms)}: a sender that still has that one would be refused at once.",
                f"`cryptoctl webhook show {self.sender} --reveal` shows the present one, for the sender to "
                "change to. Rotate again after that time, or with --grace 0s, which ends both.",
            )
        rotated = found.rotated(new, now_ms=now_ms, grace=grace)
        self.write(rotated)
        return rotated

    def write(self, secret: SenderSecret) -> None:
        """Replaces what the parameter holds, under the key that it has."""
        name = self.parameter.name
        only = {"Key": "Name", "Option": "Equals", "Values": [name]}
        described = self.aws.call("ssm", "DescribeParameters", ParameterFilters=[only])["Parameters"]
        if not described:
            raise not_deployed(self.aws, self.stack.scope, str(self.parameter))
        self.aws.call(
            "ssm",
            "PutParameter",
            Name=name,
            Value=secret.text(),
            Type="SecureString",
            # Without it the account's own key would take its place.
            KeyId=described[0]["KeyId"],
            Overwrite=True,
        )


def made_for(stack: Stack, sender: str) -> str:
    """A new secret as the sender's scheme takes it."""
    return new_secret(_encoding(stack, sender))


def given_by_sender(stack: Stack, sender: str, text: str) -> str:
    """A secret that the sender has made. Raises Failure (USAGE) where it cannot be one."""
    secret = text.strip()
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET or not secret.isprintable():
        raise Failure(
            Problem.USAGE,
            f"The secret has {len(secret)} characters; it must be {SHORTEST_SECRET} to {LONGEST_SECRET} "
            "printable ones on one line.",
        )
    keys = stack.config.webhook.senders[sender].resolved()
    if keys.get("token_in_path") and not _FITS_AN_ADDRESS.fullmatch(secret):
        raise Failure(
            Problem.USAGE,
            f"This is no secret for {sender}: it stands in the address, where it can have only the letters "
            "A to Z and a to z, digits, and the characters - . _ ~",
        )
    if not secret.isascii() and keys["scheme"] != "hmac":
        raise Failure(Problem.USAGE, f"This is no secret for {sender}: it has characters beyond ASCII.")
    try:
        key_bytes(secret, _encoding(stack, sender))
    except SecretError as error:
        raise Failure(Problem.USAGE, f"This is no secret for {sender}: {error}.") from error
    return secret


def _encoding(stack: Stack, sender: str) -> SecretEncoding:
    found: SecretEncoding = stack.config.webhook.senders[sender].resolved().get("secret_encoding", "raw")
    return found
