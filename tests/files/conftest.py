"""The handlers' environment, for what is sent through them."""

from handlers.conftest import environment as environment
