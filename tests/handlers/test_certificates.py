"""A list of authorities is loaded once, whoever asks, unless it could not be."""

import ssl
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from botocore import httpsession

from cryptoctl.handlers import certificates
from cryptoctl.handlers.certificates import Once


def test_the_same_is_loaded_once_also_by_many_threads() -> None:
    loaded: list[tuple[object, ...]] = []
    at_once = 8
    everybody, load = Barrier(at_once), Once(lambda *where: loaded.append(where))

    def connect(_number: int) -> None:
        everybody.wait(10)
        load("authorities.pem", None, None)

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(connect, range(at_once)))

    assert loaded == [("authorities.pem", None, None)]


def test_another_list_is_loaded_too_however_it_is_named() -> None:
    loaded: list[object] = []
    load = Once(lambda cafile, capath=None: loaded.append((cafile, capath)))

    for _ in range(2):
        load("one.pem")
        load(cafile="two.pem")
        load("one.pem", capath="directory")

    assert loaded == [("one.pem", None), ("two.pem", None), ("one.pem", "directory")]


def test_what_could_not_be_loaded_is_tried_again() -> None:
    answers = iter([FileNotFoundError("authorities.pem"), None])

    def read(_where: str) -> None:
        if answer := next(answers):
            raise answer

    load = Once(read)
    with pytest.raises(FileNotFoundError):
        load("authorities.pem")
    load("authorities.pem")
    load("authorities.pem")


def test_a_client_that_verifies_nothing_leaves_the_others_as_they_are() -> None:
    """urllib3 does so with the context of a client that asks for http:// through a proxy that speaks TLS."""
    certificates.parse_once()
    context, another = httpsession.create_urllib3_context(), httpsession.create_urllib3_context()

    context.verify_mode = ssl.CERT_NONE

    assert another.verify_mode is ssl.CERT_REQUIRED
