"""An environment's KMS keys, found by their tags: a key has no name until its alias is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptoctl.provisioners.reads import all_pages, if_allowed
from cryptoctl.provisioners.tags import mapped
from cryptoctl.reconcile import Aws, Response

Metadata = dict[str, Any]
Tags = Mapping[str, str]

NOT_FOUND = "NotFoundException"
NEVER = datetime.max.replace(tzinfo=UTC)
# The tag index lags by minutes.
INDEX_LAG = timedelta(hours=1)
# KMS says up to five minutes.
TAGS_COUNT_AFTER = timedelta(minutes=6)


def by_tags(aws: Aws, tags: Tags) -> Metadata | None:
    """The key with these tags that is most in use; None where there is none."""
    indexed, listed = aws.gather(
        lambda: [arn.rpartition("/")[2] for arn in aws.tagged(tags, "kms:key")],
        lambda: list(aws.paginate("kms", "ListKeys", "Keys")),
    )
    ids = dict.fromkeys([*indexed, *(key["KeyId"] for key in listed)])
    keys = _describe_keys(aws, ids)
    # KMS gives few lists of tags a second: asked for where the index says so, or may not know.
    likely = [key for key in keys if key["KeyId"] in indexed or _beyond_the_index(key)]
    own_keys = _with_tags(aws, tags, likely)
    # One in use before one that goes; of those that go, the one that goes last; of equals, the first.
    own_keys.sort(key=lambda key: (key["CreationDate"], key["KeyId"]), reverse=True)
    own_keys.sort(key=lambda key: (key["KeyState"] == "Enabled", key.get("DeletionDate", NEVER)))
    return own_keys[-1] if own_keys else None


def made_just_now(key: Metadata) -> bool:
    """Whether a key is so new that its tags may not count in permissions yet."""
    return _age(key) < TAGS_COUNT_AFTER


def _age(key: Metadata) -> timedelta:
    created: datetime = key["CreationDate"]
    return datetime.now(UTC) - created


def _with_tags(aws: Aws, tags: Tags, keys: Sequence[Metadata]) -> list[Metadata]:
    """Those whose own tags are these: the index may tell of yesterday's."""
    all_tags = aws.map(lambda key: tags_of(aws, key["KeyId"]), keys)
    return [key for key, key_tags in zip(keys, all_tags, strict=True) if tags.items() <= key_tags.items()]


def _describe_keys(aws: Aws, ids: Iterable[str]) -> list[Metadata]:
    def read(key_id: str) -> Response | None:
        # What the caller may not read is not ours.
        return if_allowed(lambda: aws.find("kms", "DescribeKey", not_found=NOT_FOUND, KeyId=key_id))

    return [response["KeyMetadata"] for response in aws.map(read, ids) if response]


def _beyond_the_index(key: Metadata) -> bool:
    return _age(key) < INDEX_LAG or key["KeyState"] == "PendingDeletion"


def tags_of(aws: Aws, key_id: str) -> dict[str, str]:
    """The tags of a key, by its id or ARN; none of one that is gone, or that the caller may not read."""
    tags = if_allowed(
        lambda: all_pages(aws, "kms", "ListResourceTags", "Tags", not_found=NOT_FOUND, KeyId=key_id)
    )
    return mapped(tags or (), "TagKey", "TagValue")
