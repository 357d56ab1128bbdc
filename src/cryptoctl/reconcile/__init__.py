"""From a desired state and an observation to a plan, and from a plan to a converged stack.

Exported here is the vocabulary that a provisioner's file needs.
"""

from cryptoctl.aws import Aws as Aws
from cryptoctl.aws import Response as Response
from cryptoctl.aws_errors import DELETED as DELETED
from cryptoctl.aws_errors import QUOTAS_URL as QUOTAS_URL
from cryptoctl.aws_errors import AwsError as AwsError
from cryptoctl.aws_errors import Remedy as Remedy
from cryptoctl.reconcile.call import Call as Call
from cryptoctl.reconcile.call import CallOrWait as CallOrWait
from cryptoctl.reconcile.call import RetryRule as RetryRule
from cryptoctl.reconcile.call import WaitUntil as WaitUntil
from cryptoctl.reconcile.call import call as call
from cryptoctl.reconcile.call import one_change_at_a_time as one_change_at_a_time
from cryptoctl.reconcile.costs import Priced as Priced
from cryptoctl.reconcile.costs import Traffic as Traffic
from cryptoctl.reconcile.costs import Usage as Usage
from cryptoctl.reconcile.delta import Delta as Delta
from cryptoctl.reconcile.observed import Observed as Observed
from cryptoctl.reconcile.observed import Obstacle as Obstacle
from cryptoctl.reconcile.permissions import Access as Access
from cryptoctl.reconcile.permissions import Permission as Permission
from cryptoctl.reconcile.permissions import allow as allow
from cryptoctl.reconcile.permissions import with_request_tags as with_request_tags
from cryptoctl.reconcile.permissions import with_resource_tags as with_resource_tags
from cryptoctl.reconcile.provisioner import Provisioner as Provisioner
from cryptoctl.reconcile.scope import Scope as Scope
from cryptoctl.reconcile.traits import AssignedArn as AssignedArn
from cryptoctl.reconcile.traits import ConflictChecked as ConflictChecked
from cryptoctl.reconcile.traits import ConsentRequired as ConsentRequired
from cryptoctl.reconcile.traits import DeletionProtected as DeletionProtected
from cryptoctl.reconcile.traits import FollowUp as FollowUp
from cryptoctl.reconcile.traits import Listed as Listed
from cryptoctl.reconcile.traits import Preflight as Preflight
from cryptoctl.reconcile.traits import Untagged as Untagged
from cryptoctl.reconcile.values import Fields as Fields
from cryptoctl.reconcile.values import JsonDocument as JsonDocument
from cryptoctl.reconcile.values import ReadRequest as ReadRequest
from cryptoctl.reconcile.values import Ref as Ref
from cryptoctl.reconcile.values import Secret as Secret
from cryptoctl.reconcile.values import Value as Value
from cryptoctl.reconcile.values import frozen as frozen
