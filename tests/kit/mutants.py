"""Mutants: the code changed in one place, as a slip of the hand would change it."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"

COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change: what it does to which node of which file."""

    file: Path
    node: int
    change: str
    line: int

    @property
    def module(self) -> str:
        return ".".join(self.file.relative_to(SOURCE).with_suffix("").parts)

    @property
    def package(self) -> str:
        """The part of cryptoctl that it belongs to."""
        return self.module.split(".")[1]

    def tree(self) -> ast.Module:
        tree = ast.parse(self.file.read_text("utf-8"))
        node = list(ast.walk(tree))[self.node]
        replaced = dict(changes(node))[self.change]
        changed: ast.Module = _Replace(node, replaced).visit(tree)
        return ast.fix_missing_locations(changed)

    def __str__(self) -> str:
        text = self.file.read_text("utf-8").splitlines()[self.line - 1].strip()
        return f"{self.file.relative_to(SOURCE / 'cryptoctl')}:{self.line}: {self.change}: {text}"


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return ast.copy_location(self.new, node) if node is self.old else super().visit(node)


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What can be put in the place of a node, each with its description."""
    match node:
        case ast.expr():
            yield from _changed_expressions(node)
        case ast.Expr(value=ast.Call()):
            yield "call left out", ast.Pass()
        case ast.Raise():
            yield "nothing is raised", ast.Pass()
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "None is returned", ast.Return(ast.Constant(None))
    if isinstance(node, (ast.If, ast.IfExp, ast.While)):
        fields = {name: value for name, value in ast.iter_fields(node) if name != "test"}
        yield "condition inverted", type(node)(test=ast.UnaryOp(ast.Not(), node.test), **fields)


def _changed_expressions(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    match node:
        case ast.Compare(left=left, ops=[op], comparators=right) if type(op) in COMPARISONS:
            other = COMPARISONS[type(op)]()
            yield f"{type(op).__name__} → {type(other).__name__}", ast.Compare(left, [other], right)
        case ast.BoolOp(op=op, values=values):
            swapped: ast.boolop = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield f"{type(op).__name__} → {type(swapped).__name__}", ast.BoolOp(swapped, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            turned = ARITHMETIC[type(op)]()
            yield f"{type(op).__name__} → {type(turned).__name__}", ast.BinOp(left, turned, right)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield "without not", operand
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", ast.Constant(not value)
        case ast.Constant(value=int() | float() as number):
            yield f"{number} → {number + 1}", ast.Constant(number + 1)


def mutants_of(file: Path) -> list[Mutant]:
    """Every change to a file, but for annotations, decorators, and `strict=`, which nothing can show."""
    tree = ast.parse(file.read_text("utf-8"))
    left_out = {id(skipped) for node in ast.walk(tree) for skipped in _not_run(node)}
    mutants = []
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in left_out:
            line = getattr(node, "lineno", 0)
            mutants += [
                Mutant(file=file, node=number, change=change, line=line) for change, _ in changes(node)
            ]
    return mutants


def _not_run(node: ast.AST) -> Iterator[ast.AST]:
    parts: list[ast.AST | None] = [getattr(node, name, None) for name in ("annotation", "returns")]
    parts += getattr(node, "decorator_list", [])
    if isinstance(node, ast.keyword) and node.arg == "strict":
        parts.append(node)
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        parts.append(node)
    if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases):
        parts.append(node)
    for part in parts:
        if part is not None:
            yield from ast.walk(part)


def chosen(places: Sequence[Path], every: int) -> list[Mutant]:
    """Of the mutants of these files and folders, one of so many; the same ones in each run."""
    files = sorted(file for place in places for file in ([place] if place.is_file() else place.rglob("*.py")))
    mutants = [mutant for file in files for mutant in mutants_of(file.resolve())]
    return [
        mutant
        for mutant in mutants
        if hashlib.sha256(f"{mutant}{mutant.node}".encode()).digest()[0] % every == 0
    ]
