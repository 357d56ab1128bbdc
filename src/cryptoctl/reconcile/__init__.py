"""From a desired state and an observation to a plan, and from a plan to a converged stack.

Exported here is the vocabulary that a provisioner's file needs.
"""

from cryptoctl.aws import Aws, Response
from cryptoctl.aws_errors import DELETED, QUOTAS_URL, AwsError, Remedy
from cryptoctl.reconcile.call import Call, CallOrWait, RetryRule, WaitUntil, call, one_change_at_a_time
from cryptoctl.reconcile.costs import Priced, Traffic, Usage
from cryptoctl.reconcile.delta import Change, Delta
from cryptoctl.reconcile.observed import Observed, Obstacle
from cryptoctl.reconcile.permissions import (
    Access,
    Permission,
    allow,
    with_request_tags,
    with_resource_tags,
)
from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.scope import Scope
from cryptoctl.reconcile.traits import (
    DeletionProtected,
    Listed,
    Preflight,
    Untagged,
)
from cryptoctl.reconcile.values import Fields, JsonDocument, ReadRequest, Ref, Secret, Value, frozen

__all__ = [
    "DELETED",
    "QUOTAS_URL",
    "Access",
    "Aws",
    "AwsError",
    "Call",
    "CallOrWait",
    "Change",
    "DeletionProtected",
    "Delta",
    "Fields",
    "JsonDocument",
    "Listed",
    "Observed",
    "Obstacle",
    "Permission",
    "Preflight",
    "Priced",
    "Provisioner",
    "ReadRequest",
    "Ref",
    "Remedy",
    "Response",
    "RetryRule",
    "Scope",
    "Secret",
    "Traffic",
    "Untagged",
    "Usage",
    "Value",
    "WaitUntil",
    "allow",
    "call",
    "frozen",
    "one_change_at_a_time",
    "with_request_tags",
    "with_resource_tags",
]
