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
    refs = (leaf.of for leaf in _leaves_of(resource) if isinstance(leaf, Ref))
    sources = (each for each in refs if isinstance(each, Provisioner))
    return tuple(dict.fromkeys((*dependencies(resource), *sources)))


def parent(resource: Provisioner) -> Provisioner | None:
    """The resource that it is a part of, and goes with."""
    return getattr(resource, resource.part_of) if resource.part_of else None


def in_order(resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The resources, each after all that it needs."""
    chosen = set(resources)
    graph = {each: [other for other in needed(each) if other in chosen] for each in resources}
    return tuple(TopologicalSorter(graph).static_order())


def dependents(resources: Sequence[Provisioner]) -> Mapping[Provisioner, tuple[Provisioner, ...]]:
    """For each resource those that have it as a dependency; not those that only take a value from it."""
    found: dict[Provisioner, list[Provisioner]] = {each: [] for each in resources}
    for other in resources:
        for each in dependencies(other):
            found.setdefault(each, []).append(other)
    return {each: tuple(others) for each, others in found.items()}


def affected(changed: Collection[Provisioner], resources: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The changed ones of the resources, and all that need one of them, directly or not."""
    found = set(changed)
    for each in in_order(resources):
        if not found.isdisjoint(needed(each)):
            found.add(each)
    return tuple(each for each in resources if each in found)


def with_dependencies(chosen: Sequence[Provisioner]) -> tuple[Provisioner, ...]:
    """The chosen resources and all that they need, directly or not."""
    found: dict[Provisioner, None] = {}

    def visit(resource: Provisioner) -> None:
        for other in needed(resource):
            visit(other)
        found[resource] = None

    for resource in chosen:
        visit(resource)
    return tuple(found)


def _leaves_of(resource: Provisioner) -> Iterator[object]:
    for item in fields(resource):
        yield from leaves(getattr(resource, item.name))
