"""Numbers that decide something: each says where it comes from, and none is written down in three files."""

import ast
import functools
from collections import defaultdict
from pathlib import Path

import unmix4d

ROOT = Path(unmix4d.__file__).parent
LAYOUT = {"plots", "report"}  # inches, rows and characters need no source


def is_number(node):
    """A number, or arithmetic of numbers, or a tuple of such."""
    if isinstance(node, ast.Tuple):
        return bool(node.elts) and all(map(is_number, node.elts))
    parts = [part for part in ast.walk(node) if isinstance(part, ast.expr)]
    return all(isinstance(part, (ast.BinOp, ast.UnaryOp)) or _is_literal(part) for part in parts)


def _is_literal(node):
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def names_of(target):
    names = [one.id for one in ast.walk(target) if isinstance(one, ast.Name)]
    return names if all(name == name.upper() and name.strip("_") for name in names) else []


def constants(text):
    """(names, value, whether a comment stands on the line or directly above) of the numbers of a module."""
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None or not is_number(node.value):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        above = lines[node.lineno - 2].lstrip() if node.lineno > 1 else ""
        if names := names_of(target):
            yield names, node.value, above.startswith("#") or "#" in lines[node.end_lineno - 1]


@functools.cache
def all_constants():
    return [
        (path.relative_to(ROOT).as_posix(), *found)
        for path in sorted(ROOT.rglob("*.py"))
        for found in constants(path.read_text(encoding="utf-8"))
    ]


def test_every_number_says_where_it_comes_from():
    found = [one for one in all_constants() if one[0].split("/")[0] not in LAYOUT]
    assert len(found) > 150  # otherwise the search is what is broken
    assert not [f"{name}: {', '.join(names)}" for name, names, _, explained in found if not explained]


def test_no_number_stands_in_three_files():
    files = defaultdict(set)
    for name, names, value, _ in all_constants():
        single = isinstance(value, ast.Tuple) and len(value.elts) == len(names) > 1
        for one, number in zip(names, value.elts if single else [value] * len(names)):
            files[one.lstrip("_"), ast.unparse(number)].add(name)
    assert not {key: sorted(where) for key, where in files.items() if len(where) > 2}


def test_numbers_are_seen():
    """The reader finds what it looks for: otherwise the tests above could not fail."""
    text = "A = 1\n# why\n_B, C = 2 << 3, -4.0  # both\nD: int = 5\n\n# apart\n\nE_F = (1, 2)\n"
    text += "g = 3\nH = 'h'\nI = f(1)\nJ = True\n"
    assert [(names, explained) for names, _, explained in constants(text)] == [
        (["A"], False), (["_B", "C"], True), (["D"], False), (["E_F"], False),
    ]  # fmt: skip
