"""What is read from the hosts and given back to them is what it was, axis by axis and word by word."""

import pytest

from support.kept import cases_of, differences

NEEDS = {"pyxem": "pyxem", "py4dstem": "py4DSTEM"}
SLOW = {"pyxem, polar", "pyxem, polar, masked"}  # the transform of pyxem, which is compiled first


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in cases_of("natives")]
)
def test_a_native_object_is_what_it_was(name):
    host = name.split(",")[0]
    if host in NEEDS:
        pytest.importorskip(NEEDS[host])
    assert not differences("natives", name)
