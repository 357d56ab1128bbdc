"""What Lambda refuses about event source mappings and what passes by itself."""

from __future__ import annotations

from cryptoctl.aws_errors import PERMISSION_MISSING
from cryptoctl.provisioners.function_errors import FORBIDDEN, SPREADS
from cryptoctl.provisioners.tags import without_our_tags
from cryptoctl.reconcile import Remedy, RetryRule

CREATE_OR_UPDATE = ("CreateEventSourceMapping", "UpdateEventSourceMapping")
ROLE_TO_BE_SEEN = f"the function's role and permissions to be seen by Lambda; {SPREADS}"
STUCK = (
    "Wait some minutes: Lambda continues in the background. If that does not help, delete the mapping (`aws "
    "lambda list-event-source-mappings --function-name NAME` gives its UUID, `aws lambda "
    "delete-event-source-mapping --uuid UUID` deletes it); `cryptoctl up` creates another one, which begins "
    "with the oldest record of the stream."
)

RETRY_RULES: tuple[RetryRule, ...] = (
    *(
        RetryRule(
            code="InvalidParameterValueException",
            contains=contains,
            reason=ROLE_TO_BE_SEEN,
            timeout_s=120,
            operations=CREATE_OR_UPDATE,
            hint=FORBIDDEN,
        )
        for contains in ("cannot be assumed", "does not have permissions", "ensure the role can perform")
    ),
    RetryRule(
        code="ResourceInUseException",
        reason="another change of the mapping to finish; Lambda makes one at a time",
        timeout_s=180,
        operations=("UpdateEventSourceMapping", "DeleteEventSourceMapping"),
        hint=STUCK,
    ),
)
REMEDIES: tuple[Remedy, ...] = (
    without_our_tags("mapping", "ListTags", "TagResource"),
    Remedy(
        codes=("AccessDeniedException",),
        contains="identity-based policy allows the lambda:UpdateEventSourceMapping",
        operations=("UpdateEventSourceMapping",),
        # The printed policy has no room for more.
        hint=f"{PERMISSION_MISSING} It applies only to a mapping of the function itself: one that somebody "
        "has moved to a version or an alias (`cryptoctl plan` shows it) is moved back with broader "
        "permissions.",
    ),
)
