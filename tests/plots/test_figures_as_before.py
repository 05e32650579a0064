"""Every plotting method of every answer draws what it drew, artist by artist."""

import matplotlib
import matplotlib.pyplot as plt
import pytest

from support.kept import cases_of, differences


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.skipif(
    matplotlib.__version_info__ < (3, 11), reason="what is kept was drawn by matplotlib 3.11, whose texts say more"
)
@pytest.mark.one_in(2)
@pytest.mark.parametrize("name", cases_of("figures"))
def test_a_figure_is_what_it_was(name):
    if name.startswith("orientations"):
        pytest.importorskip("orix")
    assert not differences("figures", name)
