"""Every python block of the guide runs, in the order of its page, with what the page takes for granted.

Pages whose own tests check what comes out (features, bragg_disks, grains, merging, tour, index) are run there.
"""

import re
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import unmix4d
from support import orientation_scene as scene
from unmix4d import Unmix, phantoms
from unmix4d.constraints import SmoothMaps
from unmix4d.core.messages import UnmixWarning

DOCS = Path(__file__).parents[2] / "docs"
ELSEWHERE = {"bragg_disks.md", "features.md", "grains.md", "index.md", "merging.md"}
BOTH = ["pyxem", "py4dstem"]
HOSTS = {
    "fuzzy.md": ["pyxem"], "install.md": ["pyxem"], "orientation.md": BOTH, "phantoms.md": BOTH, "series.md": ["pyxem"],
    "known_patterns.md": ["pyxem"],
}  # fmt: skip


def blocks(page):
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.S | re.M)


QUICK = {"svd", "preparation"}  # the others are slow together
PAGES = sorted(p for p in [*DOCS.glob("*.md"), *DOCS.glob("details/*.md")] if blocks(p) and p.name not in ELSEWHERE)


def test_every_page_with_code_is_known():
    names = {page.name for page in DOCS.glob("*.md") if blocks(page)}
    assert names >= ELSEWHERE | set(HOSTS) and len(PAGES) >= 16


def orientations_taken_for_granted():
    """A film of silver, its simulation and CIF file, and a map of every position, which here is that of components."""
    from orix.sampling import get_sample_reduced_fundamental

    result, phase = scene.result(scene.scan()), scene.silver_phase()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        simulation = scene.simulate(phase, get_sample_reduced_fundamental(4, point_group=phase.point_group))
        full_map = result.index(simulation, rank="host").to_host()
    Path("silver.cif").write_text(scene.CIF)
    return {"r": result, "simulation": simulation, "full_map": full_map, "unmix4d": unmix4d}


def series_taken_for_granted():
    """A series as scans and as one signal, another scan, two results, a simulation, and a region of interest."""
    import hyperspy.api as hs
    from orix.quaternion import Rotation

    from unmix4d.orientation.geometry import to_orix_matrix

    film = phantoms.series(n_scans=6, scan_shape=(62, 44), detector_shape=(40, 40), dose=1e3, direct_beam=0.1, seed=0)
    units = {"step": 2.0, "step_unit": "nm", "pixel_size": 0.05, "pixel_unit": "1/Å"}
    scans = [Unmix(one.data, centre=one.centre, **units) for one in film]
    result = scans[0].nmf(4, random_state=0)
    like = {"direct_beam": 6, "bin": 2}
    decomposed = film[0].to_pyxem()
    decomposed.change_dtype("float32")
    decomposed.decomposition(algorithm="SVD", output_dimension=4, print_info=False)
    return {
        "unmix4d": unmix4d, "SmoothMaps": SmoothMaps, "decomposed": decomposed,
        "s1": scans[0], "s2": scans[1], "s3": scans[2],
        "signal": film.to_pyxem(), "new": SimpleNamespace(unmix=scans[3].prepare(**like)), "r1": result,
        "u": scans[0].prepare(**like), "r": scans[0].prepare(**like).nmf(4, random_state=0),
        "r2": scans[0].nmf(5, random_state=0), "other_maps": result.maps,
        "s": SimpleNamespace(unmix=scans[0].prepare(**like)),
        "simulation": scene.simulate(scene.silver_phase(), Rotation.from_matrix(to_orix_matrix(scene.TRUTH))),
        "roi": hs.roi.RectangularROI(left=10, top=20, right=60, bottom=80),
    }  # fmt: skip


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


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=() if page.stem in QUICK else pytest.mark.slow, id=page.stem) for page in PAGES],
)
def test_the_code_of_a_page_runs(page, request, tmp_path, monkeypatch):
    for host in HOSTS.get(page.name, ()):
        request.getfixturevalue(host)
    monkeypatch.chdir(tmp_path)
    special = {
        "orientation.md": orientations_taken_for_granted,
        **dict.fromkeys(("series.md", "known_patterns.md"), series_taken_for_granted),
    }
    names = special[page.name]() if page.name in special else taken_for_granted(page.name)
    for i, block in enumerate(blocks(page)):
        with warnings.catch_warnings():
            # That of a small scan which says too little, and of HyperSpy's own.
            warnings.simplefilter("ignore", UnmixWarning)
            if page.name in HOSTS:
                warnings.simplefilter("ignore")
            exec(compile(block, f"{page.name}, block {i}", "exec"), names)  # noqa: S102
