"""How the tests' engines are set: as AWS is, but for what would only be waited for."""

from __future__ import annotations

from dataclasses import replace

from cryptoctl.local.engine import EngineOptions

OPTIONS = EngineOptions(function_pending_s=0.1)
RETRIES_AT_ONCE = replace(OPTIONS, async_retry_delays_s=(0.05, 0.05))
