"""cryptoctl beside Terraform: the same stack, on the same engine, with 50 ms added to every call.

Whole processes from start to exit, in turn. Terraform has its usual settings (ten resources at a time); its
`init` is not measured. Alarms are left out on both sides: asked in the AWS provider's protocol, the engine
does not give their settings back, and Terraform would set them again each time.

Terraform is the one on the PATH, or CRYPTOCTL_BENCH_TERRAFORM. CRYPTOCTL_BENCH_TERRAFORM_PLUGINS names the
directory of a filesystem mirror with the AWS provider (5.x); without it, `init` downloads the provider.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench._terraform_stack import configuration
from cryptoctl.local.engine import Engine
from cryptoctl.session import Session, SessionOptions
from cryptoctl.settings import Target
from hostile.proxy import HostileProxy

LATENCY_S = 0.05
ROUNDS = 3
TIMEOUT_S = 300
ACTIONS = ("an empty environment", "nothing to do", "one changed setting", "removal")


@dataclass(kw_only=True)
class CheckContext:
    """Both tools, and what each of their actions took."""

    directory: Path
    proxy: HostileProxy
    env: Mapping[str, str]
    terraform: str
    cryptoctl: str = str(Path(sys.executable).with_name("cryptoctl"))
    measurements: dict[tuple[str, str], list[tuple[float, int]]] = field(default_factory=dict)
    """Tool and action: seconds and calls, a pair a round."""

    @property
    def _file(self) -> Path:
        return self.directory / "cryptoctl.toml"

    def configure(self, number: int, *more: str) -> None:
        """Both environments of a round, alike."""
        names = f"ours{number}", f"theirs{number}"
        settings = "\n".join(("alarms.enabled = false", *more, ""))
        self._file.write_text("".join(f"[env.{name}]\n{settings}" for name in names), "utf-8")
        options = SessionOptions(environment=names[1], target=Target.LOCAL, config=self._file)
        stack = Session(options).stack
        zip_file = self.directory / "functions.zip"
        zip_file.write_bytes(stack.code.zip_bytes)
        (self.directory / "main.tf.json").write_text(configuration(stack, zip_file), "utf-8")

    def round(self, number: int) -> None:
        """All actions, each by both tools; who is first alternates."""
        environment = f"ours{number}"
        for action in ACTIONS:
            changed = action in ("one changed setting", "removal")
            self.configure(number, *(["webhook_processor.max_age_days = 3650"] if changed else []))
            command, order = ("down", "destroy") if action == "removal" else ("up", "apply")
            cryptoctl = [self.cryptoctl, command, "--env", environment, "--aws", "--yes"]
            terraform = [self.terraform, order, "-auto-approve", "-no-color", "-input=false"]
            pairs = [("cryptoctl", cryptoctl), ("terraform", terraform)]
            for tool, words in reversed(pairs) if number % 2 else pairs:
                print(f"{tool:10} {action:22}", end=" ", flush=True)
                self._measure(tool, action, words)

    def _measure(self, tool: str, action: str, command: Sequence[str]) -> None:
        behaviour = self.proxy.behave(latency_s=LATENCY_S)
        begun_s = time.perf_counter()
        output = run(command, self.env, self.directory)
        took_s = time.perf_counter() - begun_s
        writes = sum(entry.request.writes for entry in behaviour.recorded)
        assert (action == "nothing to do") == (writes == 0), output
        self.measurements.setdefault((tool, action), []).append((took_s, len(behaviour.recorded)))
        print(f"{took_s:7.2f} s {len(behaviour.recorded):5} calls", flush=True)

    def table(self) -> None:
        """Prints the medians, and the median of the rounds' ratios."""
        print(f"\n{'':22} {'terraform s':>11} {'calls':>6} {'cryptoctl s':>11} {'calls':>6} {'ratio':>6}")
        for action in ACTIONS:
            terraform, cryptoctl = (
                self.measurements["terraform", action],
                self.measurements["cryptoctl", action],
            )
            ratio = statistics.median(a[0] / b[0] for a, b in zip(terraform, cryptoctl, strict=True))
            cells = [
                statistics.median(column)
                for runs in (terraform, cryptoctl)
                for column in zip(*runs, strict=True)
            ]
            print("{:22} {:11.2f} {:6.0f} {:11.2f} {:6.0f} {:6.1f}".format(action, *cells, ratio))


def run(command: Sequence[str], env: Mapping[str, str], directory: Path) -> str:
    """Runs a command, which must succeed; what it says."""
    done = subprocess.run(
        command, env=dict(env), cwd=directory, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def main() -> None:
    """Prints the figures, if there is a Terraform."""
    terraform = shutil.which(os.environ.get("CRYPTOCTL_BENCH_TERRAFORM", "terraform"))
    if terraform is None:
        print("No terraform is installed here: there is nothing to compare with.")
        return
    with tempfile.TemporaryDirectory(prefix="cryptoctl-bench-") as name:
        os.environ["CRYPTOCTL_STATE_DIR"] = name
        directory = Path(name)
        engine = Engine(directory / "engine")
        url = engine.start(port=0).url
        assert url is not None
        try:
            # Terraform sends nothing for loopback through an HTTP proxy, and the engine takes only requests
            # signed for its own port. It listens on 127.0.0.1 alone: the proxy has that port on [::1].
            with HostileProxy(url, ("::1", int(url.rpartition(":")[2]))) as proxy:
                env = _variables(engine, proxy.url, directory)
                bench = CheckContext(directory=directory, proxy=proxy, env=env, terraform=terraform)
                bench.configure(0)
                run([terraform, "init", "-no-color", "-input=false"], env, directory)
                for number in range(ROUNDS):
                    bench.round(number)
                bench.table()
        finally:
            engine.stop()


def _variables(engine: Engine, url: str, directory: Path) -> dict[str, str]:
    made_up = engine.credentials("terraform")
    rules = directory / "terraform.rc"
    plugins = os.environ.get("CRYPTOCTL_BENCH_TERRAFORM_PLUGINS")
    mirror = f"provider_installation {{\n filesystem_mirror {{\n path = {json.dumps(plugins)}\n }}\n}}\n"
    rules.write_text(mirror if plugins else "", "utf-8")
    names = ("PATH", "PYTHONPATH", "CRYPTOCTL_STATE_DIR")
    return {
        **{name: os.environ[name] for name in names if name in os.environ},
        "HOME": str(directory),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": made_up.access_key,
        "AWS_SECRET_ACCESS_KEY": made_up.secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "TF_CLI_CONFIG_FILE": str(rules),
        "CHECKPOINT_DISABLE": "1",
    }


if __name__ == "__main__":
    main()
