"""python scan.py DIRECTORY CHECKOV: what checkov finds in the stack, written as Terraform's configuration.

Ends with 1 where a finding is new, or one that is explained here is no more. The policies of queues and
topics are not in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "src")]

from bench._terraform_stack import configuration  # noqa: E402 (this is a script)

from cryptoctl.provisioners.function import Code  # noqa: E402
from cryptoctl.security_settings import FunctionSettings, SecuritySettings  # noqa: E402
from cryptoctl.settings import EnvironmentSettings, ErrorNotifierSettings  # noqa: E402
from cryptoctl.stack import Stack  # noqa: E402
from cryptoctl.webhook_settings import SenderSettings, WebhookSettings  # noqa: E402
from unit.answers import SCOPE  # noqa: E402

SENDERS = WebhookSettings(senders={"desk": SenderSettings(preset="standard-webhooks")})
CONFIGURATIONS = {
    "default": EnvironmentSettings(webhook=SENDERS),
    "secured": EnvironmentSettings(
        webhook=SENDERS,
        protected=True,
        log_retention_days=365,
        security=SecuritySettings(customer_key=f"arn:aws:kms:us-east-1:{SCOPE.account}:key/1"),
        functions=FunctionSettings(tracing=True),
        error_notifier=ErrorNotifierSettings(reserved_concurrency=1),
    ),
}
ALWAYS = {
    "CKV_AWS_117": "functions are in no VPC: they reach AWS's public endpoints over TLS, and nothing else",
    "CKV_AWS_258": "the webhook's address has no authentication of AWS's: the function checks each sender",
    "CKV_AWS_272": "code is not signed: its hash is compared on every plan",
    "CKV_AWS_301": "anybody may call the webhook's address, as above",
}
BY_DEFAULT = {
    "CKV_AWS_26": "security.customer_key encrypts topics",
    "CKV_AWS_50": "functions.tracing",
    "CKV_AWS_115": "error_notifier.reserved_concurrency",
    "CKV_AWS_119": "security.customer_key encrypts the table",
    "CKV_AWS_158": "security.customer_key encrypts log groups",
    "CKV_AWS_338": "log_retention_days",
}
EXPLAINED: Mapping[str, Mapping[str, str]] = {"default": ALWAYS | BY_DEFAULT, "secured": ALWAYS}


def main(directory: Path, checkov: str) -> int:
    """Prints what is found and not explained, or explained and not found."""
    unexplained = 0
    for name, config in CONFIGURATIONS.items():
        place = directory / name
        place.mkdir(parents=True, exist_ok=True)
        stack = Stack(SCOPE, config, Code(zip_bytes=b"", sha256=""))
        (place / "main.tf.json").write_text(configuration(stack, place / "functions.zip"), "utf-8")
        passed, failed = _scanned(checkov, place)
        for check in sorted(failed.keys() ^ EXPLAINED[name].keys()):
            unexplained += 1
            reason = ", ".join(failed[check]) if check in failed else "is explained, but not found"
            sys.stdout.write(f"{name}: {check}: {reason}\n")
        sys.stdout.write(f"{name}: {passed} checks pass; {len(failed)} rules fail, which scan.py explains\n")
    return int(unexplained > 0)


def _scanned(checkov: str, place: Path) -> tuple[int, Mapping[str, list[str]]]:
    """How many checks pass, and the rules that fail with the resources where they do."""
    command = [checkov, "-d", str(place), "--framework", "terraform_json", "--compact", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    failed: dict[str, list[str]] = defaultdict(list)
    for failure in report["results"]["failed_checks"]:
        failed[failure["check_id"]].append(failure["resource"])
    return int(report["summary"]["passed"]), failed


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
