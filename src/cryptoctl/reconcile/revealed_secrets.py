"""The secrets of one step as they are sent: made once, or read again so that nobody's change is undone."""

from __future__ import annotations

import json

import jmespath

from cryptoctl.aws import Aws, Response
from cryptoctl.aws_errors import AwsError
from cryptoctl.errors import Failure
from cryptoctl.reconcile.plan_run import StepFailed
from cryptoctl.reconcile.values import Fields, ReadRequest, Secret, Value, leaves

NOT_PUT_BACK = (
    "it overwrote a secret that somebody else had written at the same time, and could not put it back"
)
PUT_BACK = (
    "AWS keeps a parameter's earlier versions: write the one before again, or give everybody a new secret."
)


class RevealedSecrets:
    """The secrets of one step: sent as they are, and hidden in what comes back."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._texts: dict[Secret, str] = {}
        self._versions: dict[Secret, int] = {}
        self._put_back: set[Secret] = set()
        self.overwritten = False
        """Whether another's value is overwritten and not put back yet."""

    def __call__(self, secret: Secret) -> str:
        if secret.current and secret not in self._put_back:
            # Each time: it may have been changed while something was waited for.
            response = self._read(secret.current, secret.current.params)
            self._texts[secret] = jmespath.search(secret.current.path, response)
            self._versions[secret] = jmespath.search(secret.current.version, response)
        elif secret not in self._texts:
            self._texts[secret] = secret.make()
        return self._texts[secret]

    def overwrote(self, sent: Value, response: Response) -> bool:
        """Whether another's value, written after ours was read, was overwritten; that one is sent next."""
        for secret in leaves(sent):
            if not isinstance(secret, Secret) or not secret.current:
                continue
            version = jmespath.search(secret.current.written_version, response)
            self.overwritten = version not in (None, self._versions[secret] + 1)
            if not self.overwritten:
                continue
            try:
                previous = self._read(secret.current, secret.current.params_of_version(version - 1))
            except (AwsError, Failure) as error:
                self.hide_in(error)
                raise StepFailed(f"{NOT_PUT_BACK}: {error}", PUT_BACK) from error
            text = jmespath.search(secret.current.path, previous)
            if text != self._texts[secret]:
                self._texts[secret], self._versions[secret] = text, version
                self._put_back.add(secret)
                return True
            self.overwritten = False
        return False

    def _read(self, reading: ReadRequest, params: Fields) -> Response:
        return self._aws.call(reading.service, reading.operation, **params)

    def hide_in(self, error: AwsError | Failure) -> None:
        """Takes the secrets out of an error, as they are and as JSON text has them, and out of its cause."""
        if not self._texts:
            return
        for secret, text in self._texts.items():
            for form in (text, json.dumps(text)[1:-1]):
                error.message = error.message.replace(form, str(secret))
        error.args = (error.message,)
        # What botocore raised repeats the parameters as they were sent.
        error.__cause__ = error.__context__ = None
