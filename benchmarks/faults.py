"""Small faults in a file of Python, one at a time; `benchmarks.mutants` runs tests on them."""

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
BUILTINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
OTHERS = [("minimum", "maximum"), ("argmin", "argmax"), ("sum", "mean")]
FUNCTIONS = BUILTINS | dict(OTHERS) | {other: name for name, other in OTHERS}


class Mutant(NamedTuple):
    """file: below the root. told: what was, and what is instead. source: the whole mutated file."""

    file: str
    line: int
    told: str
    source: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand for a node: shallow copies of it with one thing changed."""

    def other(**fields):
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        return changed

    match node:
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in SWAPS and not _text(node):
            yield other(op=SWAPS[type(node.op)]())
        case ast.Compare():
            for place, op in enumerate(node.ops):
                yield other(ops=[*node.ops[:place], SWAPS[type(op)](), *node.ops[place + 1 :]])
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.IfExp():
            yield other(body=node.orelse, orelse=node.body)
        case ast.Constant(value=bool()):
            yield other(value=not node.value)
        case ast.Constant(value=int()):
            yield other(value=node.value + 1)
        case ast.Constant(value=float()):  # what is nearly nothing must become something
            yield other(value=node.value / 2 if abs(node.value) > 1e-3 else node.value + 1)
        case ast.Name() if node.id in BUILTINS:
            yield other(id=BUILTINS[node.id])
        case ast.Attribute() if node.attr in FUNCTIONS:
            yield other(attr=FUNCTIONS[node.attr])


def _text(node: ast.AST) -> bool:
    """Whether texts are joined."""
    parts = [
        getattr(part, "value", None) if isinstance(part, ast.Constant) else part for part in ast.iter_child_nodes(node)
    ]
    return any(isinstance(part, str | ast.JoinedStr) for part in parts)


def places(tree: ast.AST, recipes: bool) -> Iterator[tuple[ast.AST, str, int | None]]:
    """(parent, field, place in a list or None) of each node that may be changed; of an experiment, its values alone."""
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for place, one in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(one, ast.AST) or _stays(tree, one) or (recipes and not _chosen(tree, one)):
                continue
            yield tree, field, place
            yield from places(one, recipes and isinstance(one, ast.ClassDef))


def _stays(parent: ast.AST, node: ast.AST) -> bool:
    """Texts, and what must not change: a kernel that writes beyond its room damages, and -2 means no row as -1 does."""
    logs = isinstance(node, ast.Expr) and ast.unparse(node).startswith("logging.")
    room = isinstance(parent, ast.Call) and ast.unparse(parent.func) == "np.empty"
    below = isinstance(parent, ast.UnaryOp) and isinstance(node, ast.Constant)
    return logs or room or below or isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom)


def _chosen(parent: ast.AST, node: ast.AST) -> bool:
    """Whether a node of an experiment is RECIPES, a class of options, or an option's default."""
    if isinstance(parent, ast.Module):
        assigned = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RECIPES"
        return assigned or isinstance(node, ast.ClassDef)
    return isinstance(node, ast.AnnAssign) or isinstance(parent, ast.AnnAssign)


def of(file: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file."""
    tree = ast.parse(source)
    for parent, field, place in list(places(tree, file.startswith("experiments/"))):
        held = getattr(parent, field)
        old = held if place is None else held[place]
        for new in changes(old):
            told = f"{_short(old)}  ->  {_short(new)}"
            if place is None:
                setattr(parent, field, new)
            else:
                held[place] = new
            yield Mutant(file, old.lineno, told, ast.unparse(tree))
        if place is None:
            setattr(parent, field, old)
        else:
            held[place] = old


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")[0]
    return text if len(text) < 90 else text[:87] + "..."
