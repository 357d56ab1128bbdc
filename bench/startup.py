"""Whole processes from start to exit, as ratios to Python importing the libraries that they need.

Each command runs in turn with its yardstick, so that a machine that slows down slows both: medians of ratios.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptoctl.local.engine import Engine

ROUNDS = 15
IMPORTS = "import typer, rich"
WITH_BOTO3 = "import boto3, typer, rich"
# What the two requests of a command cost once boto3 is imported: clients, the caller's identity, the call.
REQUESTS = """
import sys, boto3, typer, rich
def client(name):
    return boto3.client(
        name,
        endpoint_url=sys.argv[1],
        region_name="us-east-1",
        aws_access_key_id=sys.argv[2],
        aws_secret_access_key=sys.argv[3],
    )
client("sts").get_caller_identity()
"""
SENDING = f"""{REQUESTS}
answer = client("lambda").invoke(FunctionName="webhook-processor-startup", Payload=b'{{"body": "{{}}"}}')
answer["Payload"].read()
"""
READING = f"""{REQUESTS}
client("dynamodb").query(TableName="crypto-prices-startup", KeyConditionExpression="symbol = :s",
                         ExpressionAttributeValues={{":s": {{"S": "BTC"}}}}, Limit=20)
"""


def main() -> None:
    """Prints each command's median time and its ratio to its yardstick."""
    with tempfile.TemporaryDirectory(prefix="cryptoctl-bench-") as directory:
        env = {**os.environ, "CRYPTOCTL_STATE_DIR": directory, "CRYPTOCTL_ENV": "startup"}
        for name in ("CRYPTOCTL_CONFIG", "PYTHONDONTWRITEBYTECODE"):  # installed code is compiled once
            env.pop(name, None)
        Engine(Path(directory) / "engine").start(port=0)
        try:
            _run([*_cryptoctl("up", "--local")], env, directory)
            _measure(env, directory)
        finally:
            _run([*_cryptoctl("local", "stop")], env, directory)


def _measure(env: Mapping[str, str], directory: str) -> None:
    engine = Engine(Path(directory) / "engine")
    url, keys = engine.status().url, engine.credentials("startup")
    assert url is not None
    made_up = (url, keys.access_key, keys.secret_key)
    completion = {
        **env,
        "_CRYPTOCTL_COMPLETE": "complete_bash",
        "COMP_WORDS": "cryptoctl d",
        "COMP_CWORD": "1",
    }
    print(f"{'':22} {'median s':>9} {'yardstick s':>12} {'ratio':>6}")
    for name, command, variables, yardstick in (
        ("--version", ("--version",), env, (IMPORTS,)),
        ("--help", ("--help",), env, (IMPORTS,)),
        ("a TAB", (), completion, (IMPORTS,)),
        ("send-price", ("send-price", "BTC", "50000", "bench", "--local"), env, (WITH_BOTO3,)),
        ("  and its requests", ("send-price", "BTC", "50000", "bench", "--local"), env, (SENDING, *made_up)),
        ("prices", ("prices", "BTC", "--local"), env, (WITH_BOTO3,)),
        ("  and its requests", ("prices", "BTC", "--local"), env, (READING, *made_up)),
    ):
        ours_s, yardstick_s = [], []
        for _ in range(ROUNDS):
            ours_s.append(_run(_cryptoctl(*command), variables, directory))
            yardstick_s.append(_run([sys.executable, "-c", *yardstick], env, directory))
        ratio = statistics.median(a / b for a, b in zip(ours_s, yardstick_s, strict=True))
        print(
            f"{name:22} {statistics.median(ours_s):9.3f} {statistics.median(yardstick_s):12.3f} {ratio:6.2f}"
        )


def _cryptoctl(*arguments: str) -> Sequence[str]:
    return [str(Path(sys.executable).with_name("cryptoctl")), *arguments]


def _run(command: Sequence[str], env: Mapping[str, str], directory: str) -> float:
    begun_s = time.perf_counter()
    done = subprocess.run(command, env=dict(env), cwd=directory, capture_output=True, check=False)
    took_s = time.perf_counter() - begun_s
    assert done.returncode == 0, done.stderr.decode()
    return took_s


if __name__ == "__main__":
    main()
