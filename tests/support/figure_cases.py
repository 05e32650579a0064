"""Small answers of every kind and the figures of them, by name: what `tests/reference/figures.json` keeps."""

import functools

import numpy as np

from unmix4d import Decomposition, Grains, OrientationComparison, Orientations, Unmix, phantoms, plots
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.orientation import Match, Painting, laue_rotations
from unmix4d.results.quality import PatternSimilarity
from unmix4d.results.scree import Scree

__all__ = ["CASES", "answer", "made"]

NM = {"step": (2.0, 3.0), "step_unit": "nm", "pixel_size": (0.02, 0.025), "pixel_unit": "1/Å"}


def made(k, scan_shape=(12, 14), detector_shape=(14, 12), mask=None, signed=False, calibration=None, maps=None, **more):
    """A result of k components that nothing had to be computed for: bands over the scan, spots on rings."""
    rng = np.random.default_rng(k)
    row, col = np.indices(scan_shape)
    if maps is None:
        along = (row + 2.0 * col) / (scan_shape[0] + 2.0 * scan_shape[1] - 3) if max(scan_shape) > 1 else row + 0.5
        maps = np.exp(-(((along - (np.arange(k)[:, None, None] + 0.5) / k) * 1.3 * k) ** 2)) + 0.02 * rng.random(
            (k, *scan_shape)
        )
    maps = maps / maps.max((1, 2), keepdims=True)
    patterns = rng.random((k, *detector_shape)) ** 6 * (np.arange(k)[:, None, None] + 3)
    if signed:
        maps, patterns = maps - 0.3, patterns - 0.4
    if mask is not None:
        maps[:, mask] = np.nan
    geometry = ScanGeometry(scan_shape, detector_shape, scan_mask=mask, calibration=Calibration(**(calibration or {})))
    meaning = {"meaning": answer("svd").meaning} if signed else {}
    share = np.arange(k, 0, -1.0) / np.arange(1.0, k + 1).sum()
    return Decomposition("nmf", patterns, maps, share, 0.1, geometry, {"n_components": k}, **meaning, **more)


def corner(shape, *where):
    mask = np.zeros(shape, bool)
    mask[where or (slice(0, 2), slice(0, 3))] = True
    return mask


@functools.cache
def film():
    """Three grains, anisotropic steps and pixels, some positions excluded."""
    return phantoms.polycrystal(n_grains=3, scan_shape=(12, 14), detector_shape=(28, 30), background=0.2, dose=3e3, seed=0)


@functools.cache
def rotated():
    return phantoms.rotated_phases(n_phases=2, scan_shape=(6, 7), detector_shape=(48, 48), dose=3e3, seed=0)


def exact(**more):
    return {"precision": "double", "random_state": 0, **more}


def view():
    scan = Unmix(film().data, centre=film().centre, **NM)
    return scan.prepare(scan_mask=corner((12, 14)), direct_beam=2)


def no_counts():
    return Unmix(film().data[::2, ::2] / 7.0, centre=film().centre, **NM)


def groups_view():
    return Unmix(rotated().data, centre=rotated().centre, **{**NM, "pixel_size": 0.02})


def cloud():
    """What fuzzy clusters stand on."""
    line = phantoms.martineau_fig5()
    return Unmix(line.data, centre=line.centre)


SOURCES = {
    "svd": lambda: view().svd(3, **exact()),
    "nmf": lambda: view().nmf(4, n_starts=2, max_iter=15, **exact()),
    "scree": lambda: view().scree(8),
    "fuzzy": lambda: view().fuzzy_cmeans(3, **exact()),
    "line clusters": lambda: cloud().fuzzy_cmeans(2, **exact()),
    "validity": lambda: view().fuzzy_validity([2, 3, 4], **exact()),
    "choice": lambda: view().choose_k([2, 3, 4], n_starts=2, max_iter=15, **exact()),
    "cao": lambda: view().choose_k([2, 3, 4, 5], rule="cao2025", n_starts=1, max_iter=15, **exact()),
    "choice without counts": lambda: no_counts().choose_k([2, 3], n_starts=1, max_iter=8, **exact()),
    "merged": lambda: view().merge_nmf(7, n_runs=3, max_iter=15, **exact()),
    "groups": lambda: groups_view().group_rotated(2, random_state=0),
    "groups of components": lambda: groups_view().nmf(4, max_iter=15, **exact()).group_rotated(),
    "overlap": lambda: answer("nmf").overlap(min_weight=None, background="keep"),
    "grains": lambda: answer("nmf").grains(min_size=2, background="keep"),
    "quality": lambda: answer("nmf").report_quality(),
    "likeness": lambda: answer("nmf").pattern_similarity("gmsd"),
    "ssim": lambda: answer("nmf").pattern_similarity("ssim"),
}


@functools.cache
def answer(name):
    return SOURCES[name]()


def many_grains(n, **more):
    masks = np.zeros((n, 8, 40), bool)
    for i in range(n):
        masks[i, 1 : 3 + i % 4, 2 * i + 1 : 2 * i + 3] = True
    return Grains(masks, np.zeros(n, int), made(1, (8, 40), maps=1 + np.indices((1, 8, 40))[2] / 40, **more))


def orientations(two=False, known=True, **calibration):
    from orix.crystal_map import Phase
    from scipy.spatial.transform import Rotation

    first = np.array([[0, 0, -1, 1], [0, 2, 2, 1], [0, 2, 2, -1]])
    second = np.array([[-1, 1, -1, -1], [-1, -1, 1, -1], [2, -1, -1, 0]])
    present = np.array([(first == i) | (second == i) for i in range(3)])
    painting = Painting(first, second, np.full((3, 4), 0.7), np.where(second >= 0, 0.3, 0), first, present)
    turns = Rotation.from_euler("ZXZ", [[10, 20, 30], [80, 5, 40], [-60, 70, 0]], degrees=True).as_matrix()
    names = ["silver", "a phase of a rather long name" if two else "silver", "silver"]
    matches = tuple(Match(i, "single", 2, name, turn, 10.0, 0.9) for i, (name, turn) in enumerate(zip(names, turns)))
    cubic = {name: laue_rotations(np.eye(3)) for name in names}
    phases = {"silver": Phase("silver", point_group="m-3m")}
    if two:
        phases[names[1]] = Phase(names[1], point_group="6/mmm")
        cubic[names[1]] = laue_rotations(np.array([[3.0, 0, 0], [-1.5, 2.598, 0], [0, 0, 5.0]]))
    calibration = Calibration(rotation_deg=12.0 if known else None, **calibration)
    mask = corner((3, 4), 2, 3)
    return Orientations(
        "pyxem", matches, painting, ScanGeometry((3, 4), (8, 8), scan_mask=mask, calibration=calibration), cubic, phases
    )


def comparison(agree=5.0, top=30.0, **calibration):
    away = np.linspace(0, top, 12).reshape(3, 4)
    away[1, 2] = np.nan
    shared = np.arange(12).reshape(3, 4) % 3 == 0
    geometry = ScanGeometry((3, 4), (8, 8), calibration=Calibration(**calibration))
    return OrientationComparison(away, away.copy(), shared, agree, (None, None), geometry)


def likeness(n, metric="ssim", top=1.0):
    matrix = np.round(top * np.cos(np.subtract.outer(np.arange(n), np.arange(n)) / n) ** 2, 6)
    return PatternSimilarity(matrix, metric, "linear", top)


def apart_bands():
    """Two bands with nothing between them: few positions have a second component."""
    maps = np.zeros((2, 6, 14))
    maps[0, :, :6], maps[1, :, 8:], maps[1, 4] = 1, 1, 0.5
    return made(2, (6, 14), maps=maps).overlap(min_weight=0.1, background="keep")


def own(draw, *panels):
    """A figure in axes of the user."""
    import matplotlib.pyplot as plt

    return draw(plt.subplots(*panels)[1])


def rings(n=16, centre=(7, 8)):
    row, col = np.indices((n, n + 2))
    r = np.hypot(row - centre[0], col - centre[1])
    return 1000 * np.exp(-(r**2)) + 5 * np.exp(-((r - 5) ** 2)) + 0.01 * row


def norm(low=0.0, high=2.0):
    from matplotlib.colors import Normalize

    return Normalize(low, high)


def histories(n, changes=False, floor=0.1):
    """Results with so many starts."""
    kept = [floor + np.exp(-np.arange(1.0, 9) * (1 + i / 3)) * (1 + i) for i in range(n)]
    more = {"changes": [np.exp(-np.outer(np.arange(1.0, 9), [1, 0.5])) for _ in range(n)]} if changes else {}
    losses = np.array([one[-1] for one in kept])
    if not floor:
        kept[-1][-1] = 0.0
    return made(2, losses=losses, convergence=kept, **more)


def places(*results):
    """The position below a point of the map, and the component whose bar is at a place."""
    from unmix4d.plots.positions import PositionFigure

    found = []
    for result in results:
        drawn = PositionFigure(result)
        drawn.show(0, 0, None)
        found += [drawn.position_at(x, y) for x, y in ((-3, -3), (0.6, 2.4), (5.0, 7.5), (99, 99))]
        found += [drawn.component_at(x) for x in (-0.6, 0.4, 1.6, 2.4, 3.6)]
    return str(found)


def position(result, row, col, measured=True, component=None, exactly=False):
    from unmix4d.plots.positions import PositionFigure

    drawn = PositionFigure(result, "what the data are" if component is None else "")
    drawn.show(row, col, np.asarray(result.reconstruct(row, col)) + (0 if exactly else 0.2) if measured else None)
    if component is not None:
        drawn.choose(component)
    return drawn.map


LINE, DOWN, WIDE, TALL = (1, 12), (12, 1), (4, 30), (30, 4)
ROUND = {"step": (0.5, 0.5), "step_unit": "nm", "pixel_size": (0.1, 0.1), "pixel_unit": "1/nm"}
CASES = {
    # patterns above maps
    "plot": lambda: answer("nmf").plot(),
    "plot, some, coloured": lambda: answer("nmf").plot(
        [2, 0], cmap="gray", norm=norm(), map_cmap="cividis", map_norm=norm(0, 1)
    ),
    "plot, svd": lambda: answer("svd").plot(scale_bar=False),
    "plot, many": lambda: made(8, calibration=ROUND).plot(),
    "plot, one": lambda: made(1).plot(),
    "plot, wide": lambda: made(5, WIDE, calibration=NM).plot(),
    "plot, tall": lambda: made(3, TALL).plot(),
    "plot, line": lambda: made(2, LINE, calibration=NM).plot(),
    "plot, column": lambda: made(2, DOWN, signed=True).plot(),
    "plot, merged": lambda: answer("merged").plot(),
    "plot, clusters": lambda: answer("fuzzy").plot(),
    # composites
    "composite": lambda: answer("nmf").composite(),
    "composite, intensity": lambda: answer("nmf").composite([1, 3], scale="intensity"),
    "composite, bare": lambda: answer("nmf").composite(legend=False, scale_bar=False),
    "composite, many": lambda: made(9, mask=corner((12, 14)), calibration=NM).composite(),
    "composite, wide": lambda: made(3, WIDE).composite(),
    "composite, tall": lambda: made(3, TALL).composite(),
    "composite, flat": lambda: made(5, (4, 4)).composite(),
    "composite, line": lambda: made(3, LINE, mask=corner(LINE, 0, 3), calibration=NM).composite(),
    "composite, column": lambda: made(2, DOWN).composite(legend=False),
    "composite, own axes": lambda: own(lambda ax: made(3, calibration=NM).composite(ax=ax)),
    "composite, clusters": lambda: answer("fuzzy").composite(),
    "composite, svd": lambda: answer("svd").composite(),
    "composite, no such scale": lambda: answer("nmf").composite(scale="none"),
    "composite, no such component": lambda: answer("nmf").composite([4]),
    # curves
    "scree": lambda: answer("scree").plot(),
    "scree, no elbow": lambda: plots.scree(Scree(np.array([0.5, 0.25, 0.12, 0.06, 0.03]), {})),
    "scree, nothing": lambda: plots.scree(Scree(np.zeros(4), {})),
    "convergence": lambda: answer("nmf").plot_convergence(),
    "convergence, changes": lambda: histories(3, changes=True).plot_convergence(),
    "convergence, ten": lambda: histories(10).plot_convergence(),
    "convergence, eleven": lambda: histories(11).plot_convergence(),
    "convergence, exact": lambda: histories(2, floor=0.0).plot_convergence(),
    "convergence, own axes": lambda: own(lambda ax: histories(2, changes=True).plot_convergence(ax)),
    "convergence, none": lambda: made(2).plot_convergence(),
    # fuzzy clusters
    "scatter": lambda: answer("fuzzy").plot_scatter(),
    "scatter, others": lambda: answer("fuzzy").plot_scatter(2, 0),
    "scatter, line": lambda: answer("line clusters").plot_scatter(),
    "scatter, twice the same": lambda: answer("fuzzy").plot_scatter(1, 1),
    "scatter, none such": lambda: answer("fuzzy").plot_scatter(0, 9),
    "validity": lambda: answer("validity").plot(),
    "validity, three axes": lambda: own(lambda ax: answer("validity").plot(ax), 1, 3),
    # choice of k
    "choice": lambda: answer("choice").plot(),
    "choice, own axes": lambda: own(lambda ax: answer("choice").plot(ax)),
    "choice, no counts": lambda: answer("choice without counts").plot(),
    "choice, cao": lambda: answer("cao").plot(),
    "choice, similarity": lambda: answer("choice").plot_similarity(),
    "choice, similarity of four": lambda: answer("choice").plot_similarity(4, "ssim"),
    "choice, no such k": lambda: answer("choice").plot_similarity(9),
    "choice, image quality": lambda: answer("cao").plot_image_quality(),
    "choice, no image quality": lambda: answer("choice").plot_image_quality(),
    # merging
    "history": lambda: answer("merged").plot_history(),
    "stability": lambda: answer("merged").plot_stability(),
    "consensus": lambda: answer("merged").consensus().plot_stability(),
    "consensus, no history": lambda: answer("merged").consensus().plot_history(),
    # groups
    "groups": lambda: answer("groups").plot(),
    "groups, one": lambda: answer("groups").plot(
        [1], cmap="gray", norm=norm(), map_cmap="cividis", map_norm=norm(), scale_bar=False
    ),
    "groups of components": lambda: answer("groups of components").plot(),
    "groups, many": lambda: answer("groups").plot([0, 1, 0, 1, 0, 1, 0]),
    "angles, of a group without a place": lambda: own(lambda ax: answer("groups").plot_angles(ax, scale_bar=True)),
    "dendrogram": lambda: answer("groups").plot_dendrogram(),
    "dendrogram of components": lambda: answer("groups of components").plot_dendrogram(),
    "dendrogram, own axes": lambda: own(lambda ax: answer("groups of components").plot_dendrogram(ax)),
    "group similarity": lambda: answer("groups").plot_similarity(),
    "group similarity, ordered": lambda: answer("groups of components").plot_similarity(by_group=True, cmap="magma"),
    "group similarity, own axes": lambda: own(lambda ax: answer("groups").plot_similarity(ax)),
    "angles": lambda: answer("groups").plot_angles(),
    "angles of one": lambda: answer("groups").plot_angles(group=0, scale_bar=False, cmap="hsv"),
    "angles of the other": lambda: answer("groups").plot_angles(group=1),
    # overlap
    "overlap": lambda: answer("overlap").plot(),
    "overlap of two": lambda: answer("overlap").plot(components=(1, 2), numbers=False, scale_bar=False),
    "overlap, uncalibrated": lambda: made(3, (6, 5)).overlap(thresholds=0.3, min_weight=0.2, background="keep").plot(),
    "overlap, own axes": lambda: own(lambda ax: made(3, (6, 5)).overlap(min_weight=None, background="keep").plot(ax)),
    "overlap of one": lambda: answer("overlap").plot(components=(1, 1)),
    "overlap, line": lambda: made(3, LINE).overlap(min_weight=None, background="keep").plot(),
    "overlap profile": lambda: answer("overlap").plot_profile((3, 0), (3, 13)),
    "overlap profile, all": lambda: answer("overlap").plot_profile((11, 13), (0, 0), points=[0, 5, 11], components="all"),
    "overlap profile, one point": lambda: (
        made(3, LINE).overlap(min_weight=None, background="keep").plot_profile((0, 0), (0, 11), points=1)
    ),
    "overlap profile, two points": lambda: (
        made(14, WIDE, calibration=NM)
        .overlap(min_weight=None, background="keep")
        .plot_profile((1, 2), (1, 29), points=2, components="all")
    ),
    "overlap profile, own axes": lambda: own(
        lambda ax: answer("overlap").plot_profile((3, 0), (3, 13), ax=ax, components=[2])
    ),
    "overlap profile, over what is excluded": lambda: answer("overlap").plot_profile((0, 0), (9, 9), points=[0, 1, 5]),
    "overlap profile, of bands": lambda: apart_bands().plot_profile((2, 0), (2, 13), points=3),
    "overlap profile, points": lambda: answer("overlap").plot_profile((3, 0), (3, 13), points=99),
    "overlap profile, no such place": lambda: answer("overlap").plot_profile((3, 0), (3, 14)),
    # grains
    "grains": lambda: answer("grains").plot(),
    "grains, image": lambda: answer("grains").plot(
        image=np.indices((12, 14))[1] * 1.0, numbers=False, cmap="magma", norm=norm(0, 9), scale_bar=False
    ),
    "grains, many": lambda: many_grains(18).plot(),
    "grains, one": lambda: many_grains(1, calibration=NM).plot(),
    "grains, wrong image": lambda: answer("grains").plot(image=np.ones((3, 4))),
    "sizes": lambda: answer("grains").plot_sizes(),
    "sizes, column": lambda: answer("grains").plot_sizes(column="n_positions", bins=5),
    "sizes, many": lambda: many_grains(18, calibration=NM).plot_sizes(column="area"),
    "sizes, edges": lambda: many_grains(18).plot_sizes(bins=[0, 2, 3, 9]),
    "sizes, bins": lambda: many_grains(5).plot_sizes(bins=[2, 1]),
    "sizes, one edge": lambda: many_grains(5).plot_sizes(bins=[2]),
    "sizes, deep edges": lambda: many_grains(5).plot_sizes(bins=[[1, 2], [3, 4]]),
    "sizes, no such column": lambda: many_grains(5).plot_sizes(column="touches_edge"),
    # quality
    "quality": lambda: answer("quality").plot(),
    "quality of some": lambda: answer("quality").plot([3, 1], cmap="gray", norm=norm(0, 5), scale_bar=False),
    "likeness": lambda: answer("likeness").plot(),
    "likeness, ssim": lambda: answer("ssim").plot(cmap="magma"),
    "likeness, decibel": lambda: likeness(12, "psnr", 30.0).plot(),
    "likeness, close": lambda: likeness(6, "cross_correlation", 0.05).plot(),
    "likeness, many": lambda: likeness(15).plot(),
    "likeness, very many": lambda: likeness(25).plot(),
    "likeness, one": lambda: likeness(1).plot(),
    # orientations
    "orientations": lambda: orientations(**ROUND).plot(),
    "orientations, rows": lambda: orientations(known=False).plot(direction="row"),
    "orientations, second": lambda: orientations(two=True).plot(direction="column", which="second", scale_bar=False),
    "orientations, two phases": lambda: orientations(two=True, known=False).plot(),
    "orientations, own axes": lambda: own(lambda ax: orientations(two=True, **ROUND).plot(ax)),
    "orientations, no such direction": lambda: orientations().plot(direction="up"),
    "comparison": lambda: comparison(**ROUND).plot(),
    "comparison, all near": lambda: comparison(agree=8.0, top=6.0).plot(),
    "comparison, own axes": lambda: own(lambda ax: comparison().plot(ax), 1, 2),
    # functions that take arrays
    "pattern": lambda: plots.pattern(rings(), pixel_size=0.02, unit="1/Å", title="one"),
    "pattern, bare": lambda: plots.pattern(np.where(rings() > 900, np.nan, rings()), scale_bar=False),
    "pattern, signed": lambda: plots.pattern(rings() - 30, pixel_size=(0.3, 0.2), unit="mrad", cmap="PiYG"),
    "pattern, nothing": lambda: plots.pattern(np.zeros((5, 6)), norm=norm()),
    "pattern, three wide": lambda: plots.pattern(np.ones((5, 3))),
    "pattern, four wide": lambda: plots.pattern(np.ones((5, 4)), pixel_size=7.0, unit="1/nm"),
    "map": lambda: plots.scan_map(rings() / 100, step=2.0, unit="nm", title="a map"),
    "map, signed": lambda: plots.scan_map(rings() - 30, step=(2, 1), unit="Å"),
    "map, nothing": lambda: plots.scan_map(np.zeros((5, 600))),
    "map, line": lambda: plots.scan_map(rings()[3:4], step=(2.0, 0.5), unit="nm", title="a line"),
    "map, column": lambda: plots.scan_map(rings()[:, 3:4] - 3),
    "map, no such colours": lambda: plots.scan_map(rings(), cmap="none such"),
    "profile": lambda: plots.profile({"nmf": answer("nmf"), "svd": answer("svd"), "image": rings(12)}, (2, 0), (9, 13)),
    "profile, wide": lambda: plots.profile(
        {"a": rings(12), "b": rings(12) / 1e3}, (0, 3), (11, 3), width=3, step=2.0, unit="nm"
    ),
    "profile, normalised": lambda: plots.profile(
        {"b": rings(12) / 1e4, "line": made(3)}, (0, 3), (11.0, 9.5), normalise=True
    ),
    "profile, shapes": lambda: plots.profile({"a": rings(12), "b": rings(13)}, (0, 3), (11, 3)),
    "profile, nothing": lambda: plots.profile({}, (0, 3), (11, 3)),
    "profile, no map": lambda: plots.profile({"a": np.ones(3)}, (0, 3), (11, 3)),
    # one position
    "position": lambda: position(answer("nmf"), 5, 6),
    "position, component": lambda: position(answer("nmf"), 5, 6, component=2),
    "position, excluded": lambda: position(answer("nmf"), 4, 3, measured=False),
    "position, places": lambda: places(
        made(3, calibration=NM), made(3, LINE, calibration=NM), made(4, DOWN, calibration=NM)
    ),
    "position, nothing left over": lambda: position(made(3), 2, 3, exactly=True),
    "position, line": lambda: position(made(3, LINE, calibration=NM), 0, 7),
    "position, column": lambda: position(made(45, DOWN), 4, 0, component=1),
    "position, svd": lambda: position(made(3, signed=True), 2, 3, component=0),
}
