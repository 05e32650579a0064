"""Signatures of what is public say their types: mypy reads them in .ci/run, and the editors of users do."""

import ast
import functools
import inspect
import sys
import typing
from importlib import resources
from pathlib import Path

import unmix4d
from unmix4d.features import Features
from unmix4d.results.quality import PatternSimilarity, QualityReport
from unmix4d.views.feature_view import FeatureView
from unmix4d.views.view import View

ROOT = Path(unmix4d.__file__).parent


def public_objects():
    """Everything in `unmix4d.__all__` and in that of its modules, and what their methods return besides, by their names."""
    found = {part.__name__: part for part in (View, FeatureView, Features, PatternSimilarity, QualityReport)}
    for name in unmix4d.__all__:
        value = getattr(unmix4d, name)
        if inspect.ismodule(value):
            found |= {f"{name}.{part}": getattr(value, part) for part in value.__all__}
        else:
            found[name] = value
    return found


def functions_of(name, value):
    """A function itself; of a class its constructor, where it wrote one, its public methods and properties."""
    if inspect.isfunction(value):
        yield name, value
    elif inspect.isclass(value):
        for part, member in inspect.getmembers(value):
            if part.startswith("_") and part not in ("__init__", "__new__"):
                continue
            member = getattr(member, "fget", getattr(member, "func", getattr(member, "__func__", member)))
            # Others are those of `object` and of scikit-learn, or written by `dataclass` from fields, which have types.
            if inspect.isfunction(member) and Path(member.__code__.co_filename).is_relative_to(ROOT):
                yield f"{name}.{part}", member


FUNCTIONS = dict(pair for name, value in public_objects().items() for pair in functions_of(name, value))


@functools.cache
def known_to_type_checkers(module):
    """The names that a module imports under ``if TYPE_CHECKING:``, in its own package."""
    tree = ast.parse(Path(sys.modules[module].__file__).read_text(encoding="utf-8"))
    names = dict(vars(sys.modules[module]))
    for node in tree.body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module, "exec"), names)
    return names


def untyped(function):
    """The parameters of a function without a type, and ``return`` where that has none."""
    signature = inspect.signature(function)
    names = [p.name for p in signature.parameters.values() if p.annotation is p.empty and p.name not in ("self", "cls")]
    return names if signature.return_annotation is not signature.empty else [*names, "return"]


def test_signatures_are_annotated():
    missing = {name: untyped(function) for name, function in FUNCTIONS.items()}
    assert {name: parts for name, parts in missing.items() if parts} == {}


def test_types_can_be_found():
    """Every name in an annotation is one that its file imports, if only for type checkers."""
    for name, function in FUNCTIONS.items():
        try:
            typing.get_type_hints(function, known_to_type_checkers(function.__module__))
        except NameError as error:
            raise AssertionError(f"{name}: {error}") from None


def test_missing_types_are_seen():
    def typed(view: int, *, n: int = 3) -> None: ...
    def bare(self, view, *others, n=3, **more): ...

    assert (untyped(typed), untyped(bare)) == ([], ["view", "others", "n", "more", "return"])
    assert {"Unmix.nmf", "Unmix.__new__", "Decomposition.grains", "Decomposition.labels"} <= FUNCTIONS.keys()
    assert {"phantoms.kimoto", "load", "FuzzyCMeans.__init__", "constraints.SmoothMaps.project"} <= FUNCTIONS.keys()


def test_type_checkers_are_told_the_public_names():
    """The names that `unmix4d` imports when they are first used are the same things as those it names to type checkers."""
    names = known_to_type_checkers("unmix4d")
    assert {name for name in unmix4d.__all__ if names.get(name) is not getattr(unmix4d, name)} == set()


def test_the_package_says_that_it_is_typed():
    assert resources.files("unmix4d").joinpath("py.typed").is_file()


def test_type_checkers_are_told_what_is_imported_later():
    """The import under ``if TYPE_CHECKING:`` and the call of `later` under its ``else:`` name the same functions."""
    seen = []
    for path in ROOT.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            calls = [part.value for part in node.orelse] if isinstance(node, ast.If) else []
            if calls and "later(" in ast.unparse(node.orelse[0]):
                told = {
                    ("." * part.level + part.module, alias.name) for part in node.body if part.level for alias in part.names
                }
                given = [[ast.literal_eval(arg) for arg in call.args[1:]] for call in calls]
                later = {(module, name) for module, *names in given for name in names}
                assert later <= told, path
                assert {name for _, name in later} == {ast.unparse(t).strip("()") for t in targets(node.orelse)}, path
                seen.append(path.stem)
    assert sorted(seen) == ["decomposition", "unmix", "view"]


def targets(assignments):
    for one in assignments:
        yield from one.targets[0].elts if isinstance(one.targets[0], ast.Tuple) else one.targets
