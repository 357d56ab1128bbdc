"""What each command writes with --output json. docs/json.md is generated from this; a test compares."""

from cryptoctl.ui.documents import (  # noqa: F401 - each adds its models
    cost,
    dead_letters,
    environment,
    feed,
    local,
    plan,
    prices,
    selftest,
    trace,
    webhook,
)
from cryptoctl.ui.documents.document import MODELS as MODELS
