"""Every python block of the guide runs, in the order of its page, with what the page takes for granted.

Pages whose own tests check what comes out (features, bragg_disks, grains, merging, tour, index) are run there.
"""

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from unmix4d import Unmix, phantoms
from unmix4d.messages import UnmixWarning

DOCS = Path(__file__).parent.parent / "docs"
ELSEWHERE = {"bragg_disks.md", "features.md", "grains.md", "index.md", "merging.md"}
# A simulation of the user's crystal and a full orientation map take minutes; tests/test_orientation_*.py make these calls.
NOT_RUN = {"orientation.md"}
HOSTS = {"fuzzy.md": ["pyxem"], "install.md": ["pyxem"], "phantoms.md": ["pyxem", "py4dstem"]}


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.S | re.M)


PAGES = sorted(page for page in DOCS.glob("*.md") if blocks(page) and page.name not in ELSEWHERE | NOT_RUN)


def test_every_page_with_code_is_known():
    names = {page.name for page in DOCS.glob("*.md") if blocks(page)}
    assert names >= ELSEWHERE | NOT_RUN | set(HOSTS) and len(PAGES) >= 15


def taken_for_granted(name):
    """Names that a page uses without making them: a view, an object of a host, masks."""
    film = phantoms.polycrystal(
        n_grains=6, scan_shape=(14, 12), detector_shape=(36, 34), overlap=0.3, direct_beam=0.3, dose=3e3, seed=1
    )
    u = Unmix(film.data, centre=film.centre, pixel_size=film.pixel_size, pixel_unit="1/Å", step=1.5, step_unit="nm")
    given = {"np": np, "u": u, "s": SimpleNamespace(unmix=u), "my_probe": np.ones((3, 5))}
    given["dead_pixels"], given["outside_sample"] = np.zeros((36, 34), bool), np.zeros((14, 12), bool)
    if "pyxem" in HOSTS.get(name, ()):
        given["signal"] = film.to_pyxem()
    return given


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_runs(page, request, tmp_path, monkeypatch):
    for host in HOSTS.get(page.name, ()):
        request.getfixturevalue(host)
    monkeypatch.chdir(tmp_path)
    names = taken_for_granted(page.name)
    for i, block in enumerate(blocks(page)):
        with warnings.catch_warnings():
            # That of a small scan which says too little, and of HyperSpy's own.
            warnings.simplefilter("ignore", UnmixWarning)
            if page.name in HOSTS:
                warnings.simplefilter("ignore")
            exec(compile(block, f"{page.name}, block {i}", "exec"), names)  # noqa: S102
