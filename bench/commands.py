"""Whole commands with 50 ms added to every call: where the time goes, from the process's start to its end.

The phases: *start* until the first request, *look* until the first that writes, *write* until the last that
writes is answered, *settle, look again* until the last answer, *end* until the process is gone. Beside each
command stands its yardstick in the same run: a Python that imports boto3, typer and rich, plus the time in
which requests were under way.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from bench.provisioning import covered_s
from cryptoctl.local.engine import Engine
from hostile.proxy import Entry, HostileProxy
from kit.authority import Authority

LATENCY_S = 0.05
ROUNDS = 5
NAME = "bench"
IMPORTS = [sys.executable, "-c", "import boto3, typer, rich"]
PHASES = ("start", "look", "write", "settle, look again", "end")
FUNCTION = "webhook_processor.max_age_days = 3650"
ACTIONS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "an empty environment": (("up", "--yes"), ""),
    "nothing to do": (("up", "--yes"), ""),
    "plan": (("plan",), ""),
    "a function's setting": (("up", "--yes"), FUNCTION),
    "a queue's setting": (("up", "--yes"), f"{FUNCTION}\ndead_letter_retention_s = 86400"),
    "removal": (("down", "--yes"), ""),
}
"""Of each action the command, and what the configuration says then."""


def main() -> None:
    """Prints the medians of some rounds, in seconds."""
    with tempfile.TemporaryDirectory(prefix="cryptoctl-bench-") as name:
        os.environ["CRYPTOCTL_STATE_DIR"] = name
        directory = Path(name)
        engine = Engine(directory / "engine")
        url = engine.start(port=0).url
        assert url is not None
        try:
            for authority in (None, Authority(directory)):
                with HostileProxy(url, tls=authority.server if authority else None) as proxy:
                    env = _variables(engine, url, proxy.url, authority)
                    _round(proxy, env, directory)  # warms up
                    rounds = [_round(proxy, env, directory) for _ in range(ROUNDS)]
                _print("TLS" if authority else "HTTP", rounds)
        finally:
            engine.stop()


def _print(title: str, rounds: Sequence[Mapping[str, Sequence[float]]]) -> None:
    print(f"{title:22}" + "".join(f"{name:>20}" for name in (*PHASES, "whole", "yardstick", "ratio")))
    for action in ACTIONS:
        columns = zip(*(timings[action] for timings in rounds), strict=True)
        print(f"{action:22}" + "".join(f"{statistics.median(column):20.2f}" for column in columns))


def _round(proxy: HostileProxy, env: Mapping[str, str], directory: Path) -> dict[str, list[float]]:
    rows = {}
    for action, (words, settings) in ACTIONS.items():
        (directory / "cryptoctl.toml").write_text(f"[env.{NAME}]\n{settings}\n", "utf-8")
        began_s = time.monotonic()
        _run(IMPORTS, env, directory)
        imports_s = time.monotonic() - began_s
        behaviour = proxy.behave(latency_s=LATENCY_S)
        began_s = time.monotonic()
        cryptoctl = str(Path(sys.executable).with_name("cryptoctl"))
        _run([cryptoctl, *words, "--env", NAME, "--aws"], env, directory)
        ended_s = time.monotonic()
        phases = _phases(began_s, ended_s, behaviour.recorded)
        yardstick_s = imports_s + covered_s(behaviour.recorded)
        whole_s = ended_s - began_s
        rows[action] = [*phases, whole_s, yardstick_s, whole_s / yardstick_s]
    return rows


def _phases(began_s: float, ended_s: float, entries: Sequence[Entry]) -> list[float]:
    first_s = min(entry.began_s for entry in entries)
    last_s = max(entry.ended_s for entry in entries)
    writes = [entry for entry in entries if entry.request.writes]
    first_write_s = min((entry.began_s for entry in writes), default=last_s)
    last_write_s = max((entry.ended_s for entry in writes), default=last_s)
    moments = [began_s, first_s, first_write_s, last_write_s, last_s, ended_s]
    return [later - earlier for earlier, later in pairwise(moments)]


def _run(command: Sequence[str], env: Mapping[str, str], directory: Path) -> None:
    done = subprocess.run(
        command, env=dict(env), cwd=directory, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"


def _variables(engine: Engine, url: str, proxy_url: str, authority: Authority | None) -> dict[str, str]:
    made_up = engine.credentials(NAME)
    variables = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "CRYPTOCTL_STATE_DIR") if name in os.environ
    }
    return {
        **variables,
        "AWS_ACCESS_KEY_ID": made_up.access_key,
        "AWS_SECRET_ACCESS_KEY": made_up.secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url.replace("http:", "https:") if authority else url,
        **({"AWS_CA_BUNDLE": str(authority.bundle)} if authority else {}),
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "HTTP_PROXY": proxy_url,
        "HTTPS_PROXY": proxy_url,
        "NO_PROXY": "",
    }
