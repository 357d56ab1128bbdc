"""Listeners, processes and variables: before, during and after."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from cryptoctl.local import launch
from cryptoctl.local.engine import Engine
from local.clients import client, eventually, workbench
from local.conftest import QUICK
from local.proc import listened_on_by, listeners, processes_of
from local.starting import start
from local.workbench import Workbench, zipped

SLEEP = """
import os, subprocess, sys, time
def handler(event, context):
    if "begun" in event:
        open(event["begun"], "w").close()
    if event.get("spawn"):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if event.get("detach"):
        command = [sys.executable, "-c", "import time; time.sleep(600)"]
        return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL).pid
    time.sleep(event.get("s", 0))
    while "until" in event and not os.path.exists(event["until"]):
        time.sleep(0.01)
    return dict(os.environ)
"""


def test_listeners_and_processes_before_during_and_after(engine: Engine, tmp_path: Path) -> None:
    bench = start(engine)
    status = engine.status()
    function = bench.function(SLEEP, Timeout=60)
    # All three run until the test has looked: on a busy machine one might end before another has begun.
    event = {"until": str(tmp_path / "seen")}
    callers = [threading.Thread(target=bench.invoke, args=(function, event)) for _ in range(3)]
    for caller in callers:
        caller.start()
    eventually(lambda: len(processes_of(status.pid)) == 4, what="the engine and three environments")
    assert listened_on_by(set(processes_of(status.pid))) == {f"127.0.0.1:{status.port}"}
    (tmp_path / "seen").touch()
    for caller in callers:
        caller.join()
    bench.invoke(function, {"spawn": True})
    assert any("time.sleep(600)" in command for command in processes_of(status.pid).values())
    engine.stop()
    assert not processes_of(status.pid)
    assert not any(address.endswith(f":{status.port}") for address in listeners())


def test_what_handlers_have_started_ends_with_a_killed_engine_and_the_detached_with_the_next_stop(
    engine: Engine, tmp_path: Path
) -> None:
    bench = start(engine)
    pid = engine.status().pid
    assert pid is not None
    function = bench.function(SLEEP, Timeout=60)
    detached, _ = bench.invoke(function, {"detach": True})
    for seconds in (600, 0.5):
        begun = tmp_path / f"{seconds} s"
        bench.invoke(function, {"spawn": True})
        bench.invoke_async(function, {"begun": str(begun), "s": seconds})
        eventually(begun.exists, what="the beginning")
    assert len(processes_of(pid)) == 5, "the engine, two workers and what each has started"
    os.kill(pid, signal.SIGSTOP)
    time.sleep(1.0)  # One answer is written by then, and nobody has read it.
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not processes_of(pid), what="the end of every process")
    eventually(lambda: not engine.status().running, what="the engine's end")
    assert Path(f"/proc/{detached}").exists()
    assert engine.stop() is False
    stat = Path(f"/proc/{detached}/stat")
    eventually(lambda: not stat.exists() or ") Z " in stat.read_text(), what="its end")


@pytest.mark.torture
def test_fifty_kills_at_any_moment_under_load_leave_no_process(engine: Engine) -> None:
    dice, kills, largest = random.Random(50), 50, 0
    for _ in range(kills):
        bench, over = start(engine), threading.Event()
        pid = engine.status().pid
        assert pid is not None
        function = bench.function(SLEEP)

        def work(bench: Workbench = bench, function: str = function, over: threading.Event = over) -> None:
            while not over.is_set():
                with suppress(BotoCoreError, ClientError):
                    bench.invoke(function, {"spawn": True, "s": 0.02})
                    bench.invoke_async(function, {"s": 0.05})

        callers = [threading.Thread(target=work) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(dice.uniform(0.0, 2.0))  # Not a wait: any moment will do.
        largest = max(largest, len(processes_of(pid)))
        os.kill(pid, signal.SIGKILL)
        over.set()
        eventually(lambda pid=pid: not processes_of(pid), what="the end of every process")  # type: ignore[misc]
        for caller in callers:
            caller.join()
    assert largest > 5, "the engine, its workers and what handlers have started"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that was started from a shell with variables of the user's own."""
    engine = Engine(tmp_path_factory.mktemp("engine of a shell"))
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("AWS_PROFILE", "the-users")
        shell.setenv("AWS_SESSION_TOKEN", "the-users-token")
        shell.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        shell.setenv("SOME_SECRET", "of the shell")
        engine.start(port=0, options=QUICK)
    yield engine
    engine.stop()


def test_nothing_of_the_host_reaches_a_handler(running: Engine) -> None:
    bench = workbench(running)
    variables, _ = bench.invoke(bench.function(SLEEP), {})
    assert not {"AWS_PROFILE", "HTTPS_PROXY", "SOME_SECRET", "PYTHONPATH"} & set(variables)
    assert "the-users-token" not in variables.values()
    assert not Path(variables["HOME"]).exists()
    assert variables["AWS_ENDPOINT_URL"] == running.status().url


def test_the_code_of_the_zip_wins_over_the_installed_package(running: Engine) -> None:
    bench = workbench(running)
    files = {
        "cryptoctl/__init__.py": "whose = 'the zip'",
        "cryptoctl/handlers/__init__.py": "",
        "cryptoctl/handlers/probe.py": (
            "import importlib, cryptoctl\n"
            "def handler(event, context):\n"
            "    try:\n"
            "        importlib.import_module('cryptoctl.local.engine')\n"
            "    except ImportError:\n"
            "        return cryptoctl.whose\n"
        ),
    }
    client(running, "logs").create_log_group(logGroupName="/aws/lambda/probe")
    client(running, "lambda").create_function(
        FunctionName="probe",
        Runtime="python3.14",
        Architectures=["arm64"],
        Role=bench.role(),
        Handler="cryptoctl.handlers.probe.handler",
        Code={"ZipFile": zipped(files)},
    )

    def active() -> bool:
        return bool(
            client(running, "lambda").get_function_configuration(FunctionName="probe")["State"] == "Active"
        )

    eventually(active, what="the function")
    assert bench.invoke("probe", {}) == ("the zip", None)


def test_the_clean_environment_has_no_aws_in_it_but_what_forbids_looking_for_it(engine: Engine) -> None:
    from cryptoctl.local.data_directory import DataDirectory

    variables = launch.clean_environment(DataDirectory(engine.status().home))
    assert [name for name in variables if name.startswith("AWS")] == ["AWS_EC2_METADATA_DISABLED"]
