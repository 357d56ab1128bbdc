"""Which resource comes before which: read from their fields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from graphlib import TopologicalSorter

from cryptoctl.reconcile.provisioner import Provisioner
from cryptoctl.reconcile.values import Ref, leaves


def dependencies(resource: Provisioner) -> tuple[Provisioner, ...]:
    """The resources that must be finished first, in the order of the fields."""
    return tuple(dict.fromkeys(leaf for leaf in _leaves_of(resource) if isinstance(leaf, Provisioner)))


def needed(resource: Provisioner) -> tuple[Provisioner, ...]:
    """The dependencies, then the resources from which only a value is taken by Ref."""
    refs = (leaf.resource for leaf in _leaves_of(resource) if isinstance(leaf, Ref))
    sources = (source for source in refs if isinstance(source, Provisioner))
    return tuple(dict.fromkeys((*dependencies(resource), *sources)))


def parent(resource: Provisioner) -> Provisioner | None:
    """The resource that it is a part of, and goes with."""
    return getattr(resource, resource.part_of) if resource.part_of else None


def in_order(resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The resources, each after all that it needs."""
    chosen = set(resources)
    graph = {
        resource: [dependency for dependency in needed(resource) if dependency in chosen]
        for resource in resources
    }
    return tuple(TopologicalSorter(graph).static_order())


def dependents(resources: Sequence[Provisioner]) -> Mapping[Provisioner, tuple[Provisioner, ...]]:
    """For each resource those that have it as a dependency; not those that only take a value from it."""
    result: dict[Provisioner, list[Provisioner]] = {resource: [] for resource in resources}
    for dependent in resources:
        for dependency in dependencies(dependent):
            result.setdefault(dependency, []).append(dependent)
    return {resource: tuple(users) for resource, users in result.items()}


def affected(changed: Collection[Provisioner], resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The changed ones of the resources, and all that need one of them, directly or not."""
    result = set(changed)
    for resource in in_order(resources):
        if not result.isdisjoint(needed(resource)):
            result.add(resource)
    return tuple(resource for resource in resources if resource in result)


def with_dependencies(resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The resources and all that they need, directly or not."""
    selected: dict[Provisioner, None] = {}

    def visit(resource: Provisioner) -> None:
        for dependency in needed(resource):
            visit(dependency)
        selected[resource] = None

    for resource in resources:
        visit(resource)
    return tuple(selected)


def _leaves_of(resource: Provisioner) -> Iterator[object]:
    for field in fields(resource):
        yield from leaves(getattr(resource, field.name))
