"""One of each answer that draws, for a kernel, and its plotting methods."""

BEGIN = """
import warnings
import numpy as np
from unmix4d import Unmix, phantoms, plots
warnings.simplefilter("ignore")
film = phantoms.polycrystal(n_grains=3, scan_shape=(12, 14), detector_shape=(48, 48), background=0.2, dose=3e3, seed=0)
u = Unmix(film.data, centre=film.centre, pixel_size=0.02, pixel_unit="1/Å", step=2.0, step_unit="nm")
answers = {
    "u.scree(8)": u.scree(8), "nmf": u.nmf(4, random_state=0), "svd": u.svd(3), "fuzzy": u.fuzzy_cmeans(3, random_state=0),
    "validity": u.fuzzy_validity([2, 3], random_state=0), "choice": u.choose_k([2, 3], random_state=0),
    "cao": u.choose_k([2, 3], rule="cao2025", random_state=0),
    "merged": u.angular_average(rings=[(4, 10), (10, 18)]).merge_nmf(8, n_runs=2, random_state=0),
}
nmf = answers["nmf"]
answers |= {
    "groups": nmf.group_rotated(), "overlap": nmf.overlap(), "grains": nmf.grains(min_size=4),
    "quality": nmf.report_quality(), "likeness": nmf.pattern_similarity("gmsd"),
}
heated = phantoms.series(n_scans=4, scan_shape=(12, 12), detector_shape=(32, 32), seed=0)
several = Unmix(heated.data, centre=heated[0].centre).fit(heated[0].patterns)
answers |= {"several": several, "series": several.series(min_size=3), "tracks": several.track_grains(min_size=3)}
"""
# Of those that must be told where: everything else is drawn without arguments.
ARGUMENTS = {"overlap.plot_profile": "(0, 0), (8, 9)"}
# Of signed components, of what has no loss to draw, of another rule.
REFUSED = {
    "svd.plot_convergence",
    "svd.composite",
    "fuzzy.plot_convergence",
    "merged.plot_convergence",
    "choice.plot_image_quality",
    *(f"{one}.plot_series" for one in ("nmf", "svd", "fuzzy", "merged")),
    "several.plot_convergence",
}


def plotting_methods(notebook):
    """name.method of every answer, as the class lists them; what draws the same kind of figure stands on one line."""
    code = """
drawn = {}
for name, a in answers.items():
    for m in dir(type(a)):
        if m.startswith("plot") or m == "composite":
            drawn.setdefault(getattr(type(a), m), []).append(f"{name}.{m}")
open("methods.txt", "w").write("\\n".join(" ".join(names) for names in drawn.values()))
"""
    assert notebook.run(code)[0]["status"] == "ok"


ORIENTED = """
from orix.crystal_map import Phase
from unmix4d import OrientationComparison, Orientations
from unmix4d.orientation import Match, Painting, laue_rotations
first, none = np.array([[0, 0, -1], [0, 0, -1]]), np.full((2, 3), -1)
painting = Painting(first, none, np.ones((2, 3)), np.zeros((2, 3)), first, (first >= 0)[None])
match, cubic = Match(0, "single", 12, "silver", np.eye(3), 10.0, 0.9), {"silver": laue_rotations(np.eye(3))}
geometry = Unmix(np.ones((2, 3, 8, 8), np.float32)).geometry
phases = {"silver": Phase("silver", point_group="m-3m")}
away, shared = np.array([[1.0, 2.0, 3.0], [30.0, np.nan, 1.0]]), np.zeros((2, 3), bool)
answers |= {
    "orientations": Orientations("pyxem", (match,), painting, geometry, cubic, phases),
    "comparison": OrientationComparison(away, away.copy(), shared, 5.0, (None, None), geometry),
}
"""
# Figures of the module, which take arrays.
FUNCTIONS = (
    "plots.pattern(film.patterns[0])", "plots.scan_map(film.maps[0])", "plots.decomposition(nmf)",
    "plots.scree(u.scree(8))", "plots.convergence(nmf)", "plots.profile({'nmf': nmf}, (0, 0), (8, 9))",
)  # fmt: skip
