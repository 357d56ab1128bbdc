"""The zip that is shipped to Lambda."""

import base64
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import cryptoctl
from cryptoctl import bundle

SOURCE = Path(cryptoctl.__file__).parent


def names() -> list[str]:
    return zipfile.ZipFile(io.BytesIO(bundle.build().zip_bytes)).namelist()


def test_two_builds_make_the_same_bytes() -> None:
    assert bundle.build() == bundle.build()


def test_the_fingerprint_is_what_lambda_calls_code_sha256() -> None:
    built = bundle.build()
    assert built.sha256 == base64.b64encode(hashlib.sha256(built.zip_bytes).digest()).decode()


def test_it_holds_core_and_handlers_and_nothing_else() -> None:
    expected = {"cryptoctl/__init__.py"}
    for package in ("core", "handlers"):
        expected |= {f"cryptoctl/{package}/{file.name}" for file in (SOURCE / package).glob("*.py")}
    assert set(names()) == expected
    assert names() == sorted(names())


def test_neither_time_nor_permissions_nor_order_of_the_files_change_a_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = bundle.build()
    copy = tmp_path / "cryptoctl"
    for file in sorted(SOURCE.rglob("*.py"), reverse=True):
        target = copy / file.relative_to(SOURCE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
        target.chmod(0o600)
        os.utime(target, (1_000_000_000, 1_000_000_000))
    (copy / "core" / "__pycache__").mkdir()
    (copy / "core" / "__pycache__" / "x.pyc").write_bytes(b"x")
    for stray in ("core/.ipynb_checkpoints/prices-checkpoint.py", "handlers/._scratch.py"):
        (copy / stray).parent.mkdir(exist_ok=True)
        (copy / stray).write_bytes(b"x")
    monkeypatch.setattr(bundle, "__file__", str(copy / "bundle.py"))
    assert bundle.build() == before


@pytest.mark.process
def test_each_handler_runs_from_the_zip_alone(tmp_path: Path) -> None:
    zipped = tmp_path / "code.zip"
    zipped.write_bytes(bundle.build().zip_bytes)
    code = (
        f"import sys; sys.path.insert(0, {str(zipped)!r})\n"
        "from cryptoctl.handlers import error_notifier, price_enricher, webhook_processor as w\n"
        "assert '.zip' in w.__file__, w.__file__\n"
        "assert w.handler({'body': '{}'}, None)['statusCode'] == 400\n"
    )
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=tmp_path, stdout=subprocess.DEVNULL)


def test_it_stays_small() -> None:
    assert len(bundle.build().zip_bytes) < 200_000
