"""Engines that are started for a test, killed, and started again."""

from __future__ import annotations

import os
import signal

from cryptoctl.local.engine import Engine, EngineStatus
from local.clients import eventually, workbench
from local.conftest import QUICK
from local.workbench import Workbench


def start(engine: Engine) -> Workbench:
    engine.start(port=0, options=QUICK)
    return workbench(engine)


def kill(engine: Engine) -> None:
    pid = engine.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: not engine.status().running, what="the engine's end")


def restart(engine: Engine) -> EngineStatus:
    return engine.start(options=QUICK)
