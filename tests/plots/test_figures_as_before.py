"""Every plotting method of every answer draws what it drew, artist by artist."""

import dataclasses

import matplotlib.pyplot as plt
import pytest

import unmix4d
from support.figure_cases import SOURCES, answer, orientations
from support.figures import REFUSED
from support.kept import cases_of, differences

ORIX = ("orientations",)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", cases_of("figures"))
def test_a_figure_is_what_it_was(name):
    if name.startswith(ORIX):
        pytest.importorskip("orix")
    assert not differences("figures", name)
