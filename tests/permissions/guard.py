"""IAM before the engine: what a policy does not grant is refused, in the words of each service."""

from __future__ import annotations

from hostile.lengths import Window
from hostile.wire import Answer, Request, refusal
from permissions.authorization import Ask, Place, Policy, asks, granted

USER = "arn:aws:iam::000000000000:user/nothing-else"
CODES = {"sns": ("AuthorizationError", 403), "lambda": ("AccessDeniedException", 403)}
CODES |= dict.fromkeys(("sqs", "iam", "cloudwatch"), ("AccessDenied", 403))
# Lambda's GetFunction is not refused without these: it leaves out what they are for, and says why.
LEFT_OUT = {"kms:Decrypt": "variables", "lambda:ListTags": "tags"}


class Guard(Window):
    """Stands in a proxy as one of its windows. Whoever comes through has this policy and nothing else."""

    def __init__(self, policy: Policy, place: Place, *, without: str = "") -> None:
        self.policy, self.place, self.without = policy, place, without
        self.requests: list[Request] = []
        self.asks: list[Ask] = []
        self.denied: list[Ask] = []
        self._needed: dict[int, list[Ask]] = {}

    def refuse(self, request: Request) -> Answer | None:
        """AWS's refusal, which names who, the action and the resource."""
        needed = self._needed[id(request)] = asks(request, self.place)
        self.requests.append(request)
        self.asks += needed
        missing = [ask for ask in needed if not granted(self.policy, ask, without=self.without)]
        self.denied += missing
        thinner = str(request) == "lambda:GetFunction"
        refused = [ask for ask in missing if not (thinner and ask.action in LEFT_OUT)]
        return denial(request, refused[0]) if refused else None

    def rewrite(self, request: Request, answer: Answer) -> Answer:
        """The caller is a user, not root; and does not see variables or tags that it may not read."""
        needed = self._needed.pop(id(request))
        if str(request) == "sts:GetCallerIdentity" and answer.ok:
            body = answer.body.replace(b"arn:aws:iam::000000000000:root", USER.encode())
            return Answer(status=answer.status, headers=answer.headers, body=body)
        if str(request) != "lambda:GetFunction" or not answer.ok:
            return answer
        document = answer.document()
        for ask in needed:
            if ask.action in LEFT_OUT and not granted(self.policy, ask, without=self.without):
                error = {"ErrorCode": "AccessDeniedException", "Message": _message(ask)}
                if LEFT_OUT[ask.action] == "tags":
                    document.pop("Tags", None)
                    document["TagsError"] = error
                else:
                    document["Configuration"]["Environment"] = {"Error": error}
        return answer.with_document(document)


class Outage(Window):
    """Some operations of the services fail, and not for a lack of rights."""

    def __init__(self, *operations: str) -> None:
        self.operations = operations

    def refuse(self, request: Request) -> Answer | None:
        """As when the thing is not there."""
        if str(request) not in self.operations:
            return None
        return refusal(request, "ResourceNotFoundException", "Requested resource not found")


def denial(request: Request, ask: Ask) -> Answer:
    """The refusal of one ask, as the service writes it."""
    code, status = CODES.get(request.service, ("AccessDeniedException", 400))
    return refusal(request, code, _message(ask), status)


def _message(ask: Ask) -> str:
    return (
        f"User: {USER} is not authorized to perform: {ask.action} on resource: {ask.resource} "
        f"because no identity-based policy allows the {ask.action} action"
    )
