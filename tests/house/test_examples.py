"""Every public class, function and method has an example that runs; those that need a host run where it is installed.

The examples themselves are run by test_package.py, but for lines marked ``# doctest: +SKIP``: these need an object of a
host and are run here.
"""

import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import warnings
from pathlib import Path

import pytest

import unmix4d
from support.site import listed

ROOT = Path(unmix4d.__file__).parent
MODULES = ("scores", "maps", "image_quality", "constraints", "phantoms", "core.units", "plots", "orientation")
CLASSES = (
    "views.unmix.Unmix", "views.feature_view.FeatureView", "clustering.estimator.FuzzyCMeans", "decomposition.estimator.NMF",
    "core.polar.PolarTransform",
    "results.quality.QualityReport", "results.quality.PatternSimilarity",
)  # fmt: skip
HOSTS = {
    "pyxem": ("to_pyxem", "orix", 'host="pyxem"'), "py4DSTEM": ("to_py4dstem", "from py4DSTEM"), "zarr": ("scan.zarr",),
}  # fmt: skip


def public_objects():
    pages = sorted(listed())
    pages = [name.removeprefix("unmix4d.") for name in pages if name.rpartition(".")[0] not in pages]  # no methods
    names = [name for name in unmix4d.__all__ if not name.startswith("_")] + [*CLASSES, *pages]
    names += [f"{module}.{name}" for module in MODULES for name in importlib.import_module(f"unmix4d.{module}").__all__]
    for name in dict.fromkeys(names):
        *path, last = name.split(".")
        member = getattr(importlib.import_module(".".join(["unmix4d", *path])), last)
        if callable(member):
            yield name, member


def public_members():
    """Every public class and function, and the methods of the classes that are written in this package, with their class."""
    for name, member in public_objects():
        yield name, member, None
        for method in dir(member) if inspect.isclass(member) else ():
            found = getattr(member, method)
            ours = (getattr(found, "__module__", "") or "").startswith("unmix4d") and callable(found)
            # What stands for a method only to refuse it is private under its own name.
            if ours and not method.startswith("_") and not getattr(found, "__name__", "").startswith("_"):
                yield f"{name}.{method}", found, member


def has_example(member, cls):
    """Whether it has one itself, or the method of a base class that it stands in for."""
    same = [vars(base).get(member.__name__) for base in cls.__mro__] if cls else []
    return any(">>>" in (inspect.getdoc(one) or "") for one in (member, *same) if one is not None)


def test_everything_public_has_an_example():
    found = list(public_members())
    assert len(found) > 250  # otherwise the search is what is broken
    assert not [name for name, member, cls in found if not has_example(member, cls)]


def examples():
    """Every doctest of the package."""
    for info in pkgutil.walk_packages([str(ROOT)], "unmix4d."):
        if "__main__" not in info.name:
            yield from doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(info.name))


def test_nothing_else_has_one():
    """What is private is explained by its name, its docstring and its tests; `Features` is what new features are made of."""
    public = {"unmix4d.features.features.Features"}
    for _, member, _ in public_members():
        bases = [one for one in inspect.getmro(member) if inspect.isclass(one)] if inspect.isclass(member) else [member]
        public |= {f"{one.__module__}.{one.__qualname__}" for one in bases}
    others = [test.name for test in examples() if test.examples and test.name not in public]
    # Properties, and what a base class has for all of them.
    assert not [name for name in others if name.rpartition(".")[0] not in public or "._" in name.rpartition(".")[2]]


def examples_of_hosts():
    """(host, doctest) of all that holds a line which needs an object of a host."""
    for test in examples():
        if any(doctest.SKIP in example.options for example in test.examples):
            text = "".join(example.source for example in test.examples)
            needed = [host for host, words in HOSTS.items() if any(word in text for word in words)]
            assert len(needed) == 1, f"{test.name} must say which host it needs, found {needed}"
            yield pytest.param(needed[0], test, id=test.name)


@pytest.mark.slow
@pytest.mark.parametrize(("host", "test"), list(examples_of_hosts()))
def test_examples_of_hosts_run(host, test, request):
    if host == "zarr":
        pytest.importorskip("zarr")
    else:
        request.getfixturevalue(host.lower())
    for example in test.examples:
        example.options.pop(doctest.SKIP, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the hosts' own
        result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test)
    assert result.attempted == len(test.examples) and not result.failed


@pytest.mark.parametrize("module", MODULES)
def test_names_of_a_module_exist(module):
    found = importlib.import_module(f"unmix4d.{module}")
    assert all(hasattr(found, name) for name in found.__all__)
