"""The tables of cryptoctl.toml that security teams ask for: keys, transport, log levels, tracing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from cryptoctl.settings_schema import Checked, Section, Switch, setting

Kind = Literal["table", "queues", "topics", "log_groups"]
# Above INFO, Lambda holds back what has no level of its own: the runtime's report of an error, and metrics.
LogLevel = Literal["DEBUG", "INFO"]


def _key_arn(text: str) -> str:
    if re.fullmatch(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]{1,128}", text, re.ASCII):
        return text
    # An alias may be moved, and AWS answers with the key's ARN: nothing could be compared.
    raise ValueError("must be the ARN of a KMS key (arn:aws:kms:REGION:ACCOUNT:key/ID), not an alias")


@dataclass(frozen=True, kw_only=True)
class SecuritySettings(Section):
    """[env.NAME.security]"""

    customer_key: Annotated[str, Checked(_key_arn)] | None = setting(
        None, "ARN of your own KMS key for what `customer_key_encrypts` names"
    )
    customer_key_encrypts: tuple[Kind, ...] = setting(
        ("table", "queues", "topics", "log_groups"),
        'what `customer_key` encrypts: "table", "queues", "topics", "log_groups"',
    )
    refuse_plain_http: Switch = setting(True, "queues and topics refuse requests without TLS")

    def key_for(self, kind: Kind) -> str | None:
        """The ARN of the customer's key, where that is to encrypt this; None for AWS's own."""
        return self.customer_key if kind in self.customer_key_encrypts else None


@dataclass(frozen=True, kw_only=True)
class FunctionSettings(Section):
    """[env.NAME.functions]: all of the environment's functions."""

    application_log_level: LogLevel = setting("INFO", 'the functions\' own log lines: "DEBUG" or "INFO"')
    system_log_level: LogLevel = setting("INFO", 'Lambda\'s lines about the functions: "DEBUG" or "INFO"')
    tracing: Switch = setting(False, "AWS X-Ray traces the functions")
