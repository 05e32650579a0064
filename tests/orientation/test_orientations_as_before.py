"""Orientations, and each step on the way to them, are what they were, of a small simulated film."""

import pytest

from support.kept import cases_of, differences

NEEDS = {"pyxem": "pyxem", "py4dstem": "py4DSTEM"}
SLOW = {"pyxem, indexed on rings", "pyxem, indexed, percentile", "pyxem, gamma"}  # the transform of pyxem


@pytest.mark.one_in(4)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in cases_of("orientations")]
)
def test_an_orientation_is_what_it_was(name):
    host = name.split(",")[0]
    if host in NEEDS:
        pytest.importorskip(NEEDS[host])
    assert not differences("orientations", name)
