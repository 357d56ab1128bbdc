"""A session of botocore that takes for an answer of AWS's only what is one."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from cryptoctl.response_bodies import NULL, OF_AWS, PAGE, as_error, is_cut, is_from_gateway


def new_session(profile: str | None = None, variables: dict[str, Any] | None = None) -> Any:
    """A session of botocore whose clients raise ResponseParserError for what is not an answer of AWS's.

    botocore trusts in AWS's form: a list for an object, or a word for a number, breaks its parsers in ways
    that nothing tells from a defect, or from credentials that cannot be read.
    """
    from botocore.parsers import ResponseParserError

    from cryptoctl.handlers import service_models

    session = service_models.new_session(profile, variables)
    session.register("before-parse", _refuse_page)
    factory = session.get_component("response_parser_factory")
    create_parser = factory.create_parser

    def checking_parser(protocol: str) -> Any:
        parser = create_parser(protocol)
        parse = parser.parse

        def checked(response: Any, shape: Any) -> Any:
            if is_from_gateway(response):
                return as_error(response)
            try:
                parsed = parse(response, shape)
                hash((parsed.get("Error") or {}).get("Code"))  # botocore looks it up
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise ResponseParserError("it is of another form than AWS's answers") from error
            return parsed

        parser.parse = checked
        return parser

    factory.create_parser = checking_parser
    return session


def _refuse_page(response_dict: MutableMapping[str, Any], **_: Any) -> None:
    """botocore's event `before-parse`: raises ResponseParserError for a web page, one to sign in with, say.

    Of JSON that cannot be parsed botocore makes an empty answer. AWS's own balancers answer with pages where
    nothing works. The type alone decides nothing: simulators of AWS send JSON and XML as HTML.
    """
    from botocore.parsers import ResponseParserError

    headers = {name.lower(): text for name, text in response_dict["headers"].items()}
    is_html = "html" in headers.get("content-type", "").lower()
    body = response_dict["body"]
    if isinstance(body, bytes):
        if NULL.match(body):  # moto's answer that has nothing in it; botocore takes none but an object
            response_dict["body"] = body = b"{}"
        if is_cut(response_dict):
            raise ResponseParserError("it ends too early")
        page = PAGE.match(body) or (is_html and body.strip() and not OF_AWS.match(body))
    else:  # a stream, which cannot be looked at here
        page = is_html and not any(name.startswith("x-amz") for name in headers)
        if page:
            body.close()  # nobody else will
    if page and not is_from_gateway(response_dict):
        raise ResponseParserError("it is a web page")
