"""Every public function and method has an example that runs, or stands in a list of those that do not need one."""

import importlib
import inspect

import pytest

import unmix4d

CLASSES = (
    "Unmix", "Decomposition", "MergedDecomposition", "FuzzyClusters", "FuzzyValidity", "FuzzyCMeans", "Grains", "Overlap",
    "Scree",
)  # fmt: skip
MODULES = ("scores", "maps", "image_quality", "constraints", "phantoms", "units")


def public_functions():
    for module in MODULES:
        found = importlib.import_module(f"unmix4d.{module}")
        for name in found.__all__:
            member = getattr(found, name)
            if callable(member):
                yield f"{module}.{name}", member
    for name in CLASSES:
        cls = getattr(unmix4d, name)
        yield name, cls
        for method in vars(cls):
            if callable(getattr(cls, method)) and not method.startswith("_"):
                yield f"{name}.{method}", getattr(cls, method)


def test_every_public_function_has_an_example():
    missing = sorted(name for name, member in public_functions() if ">>>" not in (inspect.getdoc(member) or ""))
    assert missing == WITHOUT, sorted(set(missing) ^ set(WITHOUT))


# Figures, what needs a file or a host, and parts of the machinery.
WITHOUT = sorted([
    "Decomposition.attach", "Decomposition.plot", "Decomposition.plot_convergence", "Decomposition.read_head",
    "Decomposition.save", "Decomposition.saved_head", "FuzzyCMeans.fit", "FuzzyCMeans.predict", "FuzzyCMeans.transform",
    "FuzzyClusters.membership_at", "FuzzyClusters.plot_scatter", "FuzzyClusters.subclusters", "FuzzyValidity.plot",
    "Grains.plot", "Grains.plot_sizes", "Grains.to_csv", "Grains.to_host", "MergedDecomposition.plot_history",
    "MergedDecomposition.plot_stability", "MergedDecomposition.read_head", "MergedDecomposition.saved_head", "Overlap.plot",
    "Overlap.plot_profile", "Scree.plot", "constraints.Evidence", "image_quality.Metric", "image_quality.cross_correlation",
    "image_quality.psnr",
])  # fmt: skip


@pytest.mark.parametrize("module", MODULES)
def test_names_of_a_module_exist(module):
    found = importlib.import_module(f"unmix4d.{module}")
    assert all(hasattr(found, name) for name in found.__all__)
