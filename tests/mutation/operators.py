"""The ways in which a source file is made wrong, read from its syntax tree.

Left alone, because no test should notice or every test would: docstrings, annotations, imports, `__all__`, the texts of
messages (strings with a space in them, f-strings), and assertions, `strict=True` of zip among them.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from tests.mutation.mutant import Mutant

Change = tuple[ast.AST, str, str]
"""The node that is replaced, the operator's name, the new text."""


class Text:
    """The text of a source's nodes; the places that the parser gives count bytes of a line, ours count characters."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._starts = [0]
        # Not splitlines: a form feed or a separator inside a string ends no line of Python.
        self._lines = source.split("\n")
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def _place(self, line: int, column: int) -> int:
        return self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())

    def start(self, node: ast.AST) -> int:
        """Return the offset of a node's first character."""
        return self._place(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def __call__(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self._source[self.start(node) : self._place(node.end_lineno, node.end_col_offset)]  # type: ignore[attr-defined]


_COMPARE: dict[type[ast.cmpop], tuple[str, ...]] = {
    ast.Lt: ("<=", ">="),
    ast.LtE: ("<", ">"),
    ast.Gt: (">=", "<="),
    ast.GtE: (">", "<"),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "+",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "+",
    ast.LShift: ">>",
    ast.RShift: "<<",
    ast.BitAnd: "|",
    ast.BitOr: "&",
    ast.BitXor: "&",
}
_CALLS = {"sorted": "list", "reversed": "list", "min": "max", "max": "min", "any": "all", "all": "any"}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_:.-]*")


def mutants(file: str, source: str) -> list[Mutant]:
    r"""Return every mutant of a source file, in the order of their places.

    >>> for mutant in mutants("a.py", "def f(a, b):\n    return sorted(a) if a < b else None\n"):
    ...     print(mutant.operator, "|", mutant.was, "|", mutant.becomes)
    return | sorted(a) if a < b else None | None
    call | sorted | list
    compare | a < b | a <= b
    compare | a < b | a >= b
    condition | a < b | not (a < b)
    """
    tree = ast.parse(source)
    text = Text(source)
    found: list[Mutant] = []
    seen: Counter[tuple[str, str, str, str]] = Counter()
    for function, (node, operator, becomes) in _walk(tree, text, ""):
        start, was = text.start(node), text(node)
        if was == becomes:
            continue
        same = (function, operator, was, becomes)
        line: int = node.lineno  # type: ignore[attr-defined]
        found.append(Mutant(file, function, line, operator, was, becomes, seen[same], start, start + len(was)))
        seen[same] += 1
    return sorted(found, key=lambda m: (m.start, m.becomes))


def differs(mutant: Mutant, source: str) -> bool:
    """Return whether a mutant is Python, and other Python than the source."""
    try:
        return ast.dump(ast.parse(mutant.apply(source))) != _dumped(source)
    except SyntaxError:
        return False


@lru_cache(maxsize=256)
def _dumped(source: str) -> str:
    return ast.dump(ast.parse(source))


def _walk(node: ast.AST, text: Text, function: str) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        function = f"{function}.{node.name}".lstrip(".")
    for change in _changes(node, text):
        yield function, change
    for child in _children(node):
        yield from _walk(child, text, function)


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the parts of a node that are worth changing."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.JoinedStr):
        return
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        return
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return
    skipped: list[ast.AST] = []
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("cast", "TypeVar", "field", "dataclass"):
        skipped += [node]
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        skipped += [node.returns] if node.returns else []
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        skipped += node.decorator_list
    if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation:
        skipped += [node.annotation]
    if node in skipped:
        return
    if isinstance(node, ast.Call):
        # `strict` of zip is an assertion: where it matters, the program is wrong already.
        skipped += [word for word in node.keywords if word.arg == "strict"]
    for child in ast.iter_child_nodes(node):
        if child not in skipped and not _is_docstring(child):
            yield child


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _changes(node: ast.AST, text: Text) -> Iterator[Change]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = text(node.left), text(node.comparators[0])
        for sign in _COMPARE.get(type(node.ops[0]), ()):
            yield node, "compare", f"{left} {sign} {right}"
    elif isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            sides = [node.left, *node.comparators]
            signs = [_SIGN[type(op)] for op in node.ops]
            signs[place] = _COMPARE[type(operator)][0]
            texts = [text(side) for side in sides]
            yield node, "compare", texts[0] + "".join(f" {s} {t}" for s, t in zip(signs, texts[1:], strict=True))
    elif isinstance(node, ast.BoolOp):
        sign = " or " if isinstance(node.op, ast.And) else " and "
        yield node, "and/or", "(" + sign.join(f"({text(value)})" for value in node.values) + ")"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
        yield node, "not", f"({text(node.operand)})"
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        if not any(
            isinstance(side, ast.Constant | ast.JoinedStr) and _is_text(side) for side in (node.left, node.right)
        ):
            left, right = f"({text(node.left)})", f"({text(node.right)})"
            yield node, "arithmetic", f"({left} {_ARITHMETIC[type(node.op)]} {right})"
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Return) and node.value is not None and text(node.value) != "None":
        yield node.value, "return", "None"
    elif isinstance(node, ast.Call):
        yield from _calls(node, text)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield node.test, "condition", f"not ({text(node.test)})"
    elif isinstance(node, ast.Expr | ast.AugAssign | ast.Continue | ast.Break | ast.Raise):
        if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call):
            yield node, "statement", "pass"
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript):
        yield node, "statement", "pass"
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield test, "filter", "True"


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _constants(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield node, "constant", str(not value)
    elif isinstance(value, int | float):
        yield node, "constant", repr(value + 1)
        if value:
            yield node, "constant", repr(value - 1)
    elif isinstance(value, str) and _WORD.fullmatch(value):
        yield node, "word", repr(f"{value}_x")


def _calls(node: ast.Call, text: Text) -> Iterator[Change]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in _CALLS:
        keyed = [each for each in node.keywords if each.arg in ("key", "reverse", "default", "strict")]
        if _CALLS[name] != "list":
            yield node.func, "call", _CALLS[name]
        elif not keyed:
            yield node.func, "call", "list"
        elif node.args:
            yield node, "call", f"list({text(node.args[0])})"
    if len(node.args) >= 2 and not any(isinstance(arg, ast.Starred) for arg in node.args):
        texts = [text(arg) for arg in node.args] + [text(word) for word in node.keywords]
        texts[0], texts[1] = texts[1], texts[0]
        yield node, "arguments", f"{text(node.func)}({', '.join(texts)})"


_SIGN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}


def function_at(source: str, offset: int) -> tuple[str, int] | None:
    r"""Return (qualified name, first line) of the outermost function whose body holds an offset; None outside of any.

    >>> source = "class A:\n    def f(self, a=1):\n        return a\n"
    >>> function_at(source, source.index("return")), function_at(source, source.index("1"))
    (('A.f', 2), None)
    """
    text = Text(source)
    node: ast.AST | None = ast.parse(source)
    name = ""
    while node is not None:
        inner = None
        for child in ast.walk(node):
            if child is node or not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if text.start(child) <= offset < text.start(child) + len(text(child)):
                inner = child
                break
        if inner is None:
            return None
        name = f"{name}.{inner.name}".lstrip(".")
        if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([inner.lineno, *(each.lineno for each in inner.decorator_list)])
            return (name, first) if offset >= text.start(inner.body[0]) else None
        node = inner
    return None


def statement_at(source: str, offset: int) -> tuple[int, int]:
    r"""Return the first and last line of the innermost statement at an offset, of a compound one those of its head.

    >>> statement_at("if (a\n    < b):\n    c()\n", 4)
    (1, 2)
    """
    text = Text(source)
    first = last = source.count("\n", 0, offset) + 1
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and text.start(node) <= offset < text.start(node) + len(text(node)):
            body = getattr(node, "body", None)
            first, last = node.lineno, node.end_lineno or node.lineno
            if body:
                last = max(first, body[0].lineno - 1)
    return first, last


def runs_on_import(source: str, name: str) -> bool:
    r"""Return whether a module calls a function of its own while it is imported, so that it must be imported anew.

    >>> source = "def f():\n    return g()\ndef g():\n    return 1\ndef h():\n    return 2\nA = f()\n"
    >>> [runs_on_import(source, name) for name in "fgh"]
    [True, True, False]
    """
    tree = ast.parse(source)
    bodies = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom)]
    reached: set[str] = set()
    while outside:
        called = {each.id for node in outside for each in ast.walk(node) if isinstance(each, ast.Name)}
        outside = [bodies[each] for each in called & bodies.keys() - reached]
        reached |= called
    return name in reached


def has_functions(source: str) -> bool:
    """Return whether a module defines functions or methods, so that tests can run lines of it after its import.

    >>> has_functions("A = 1"), has_functions("class C:\\n    def f(self): ...")
    (False, True)
    """
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source)))
