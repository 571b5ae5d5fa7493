"""Generate mutants of a Python file, each with one small fault; `benchmarks.mutants` tests them."""

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.And: ast.Or, ast.Or: ast.And,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
BUILTINS = {"min": "max", "max": "min", "any": "all", "all": "any"}
OTHERS = [("minimum", "maximum"), ("argmin", "argmax"), ("sum", "mean")]
FUNCTIONS = BUILTINS | dict(OTHERS) | {other: name for name, other in OTHERS}

RECIPES = ("RECIPES", "STREET", "SMALL", "_SMALL")  # where values of recipes stand
OPTIONS = tuple(f"reid_jax/{one}.py" for one in ("app/parts", "app/views", "app/separation",
                                                 "app/standard", "encoders"))  # fmt: skip


class Mutant(NamedTuple):
    """A file with one fault.

    Attributes:
        file: its path below the root of the project.
        line: of the fault.
        told: the expression and what replaces it, "OLD  ->  NEW".
        source: the whole mutated file.
    """

    file: str
    line: int
    told: str
    source: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def changes(node: ast.AST) -> Iterator[ast.AST]:
    """The replacements of a node: shallow copies with one change each."""

    def other(**fields):
        changed = copy.copy(node)
        for name, value in fields.items():
            setattr(changed, name, value)
        return changed

    match node:
        case ast.BinOp() | ast.BoolOp() | ast.AugAssign() if type(node.op) in SWAPS and not _text(
            node
        ):
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
        case ast.Constant(value=float()):  # of a tiny value the half would change too little
            yield other(value=node.value / 2 if abs(node.value) > 1e-3 else node.value + 1)
        case ast.Name() if node.id in BUILTINS:
            yield other(id=BUILTINS[node.id])
        case ast.Attribute() if node.attr in FUNCTIONS:
            yield other(attr=FUNCTIONS[node.attr])


def _text(node: ast.AST) -> bool:
    """Whether the node joins strings."""
    parts = [
        getattr(part, "value", None) if isinstance(part, ast.Constant) else part
        for part in ast.iter_child_nodes(node)
    ]
    return any(isinstance(part, str | ast.JoinedStr) for part in parts)


def places(tree: ast.AST, recipes: bool) -> Iterator[tuple[ast.AST, str, int | None]]:
    """(parent, field, index in a list or None) of each node that may be changed.

    `recipes`: the file is an experiment, and only the values of its recipes and options count.
    """
    for field, value in ast.iter_fields(tree):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for place, one in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if (
                not isinstance(one, ast.AST)
                or _excluded(tree, one)
                or (recipes and not _chosen(tree, one))
            ):
                continue
            yield tree, field, place
            yield from places(one, recipes and isinstance(one, ast.ClassDef))


def _excluded(parent: ast.AST, node: ast.AST) -> bool:
    """Whether a node is not mutated: texts, imports, raise, logging, np.empty, negated constants.

    A kernel that writes beyond a smaller array damages memory, and -2 means "no row" as -1 does.
    """
    logs = isinstance(node, ast.Expr) and ast.unparse(node).startswith("logging.")
    size = isinstance(parent, ast.Call) and ast.unparse(parent.func) == "np.empty"
    negative = isinstance(parent, ast.UnaryOp) and isinstance(node, ast.Constant)
    return (
        logs
        or size
        or negative
        or isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom)
    )


def _chosen(parent: ast.AST, node: ast.AST) -> bool:
    """Whether a node of an experiment is RECIPES, a class of options, or an option's default."""
    if isinstance(parent, ast.Module):
        name = ""
        if isinstance(node, ast.Assign):
            name = ast.unparse(node.targets[0])
        elif isinstance(node, ast.AnnAssign | ast.AugAssign):
            name = ast.unparse(node.target)
        return name in RECIPES or isinstance(node, ast.ClassDef)
    return isinstance(node, ast.AnnAssign) or isinstance(parent, ast.AnnAssign)


def of(file: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file."""
    tree = ast.parse(source)
    recipes = file.startswith("experiments/") or file in OPTIONS
    for parent, field, place in list(places(tree, recipes)):
        value = getattr(parent, field)
        old = value if place is None else value[place]
        for new in changes(old):
            change = f"{_short(old)}  ->  {_short(new)}"
            if place is None:
                setattr(parent, field, new)
            else:
                value[place] = new
            yield Mutant(file, old.lineno, change, ast.unparse(tree))
        if place is None:
            setattr(parent, field, old)
        else:
            value[place] = old


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")[0]
    return text if len(text) < 90 else text[:87] + "..."
