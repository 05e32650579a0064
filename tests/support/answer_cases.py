"""Every kind of answer with what is read from it, by name: what `tests/reference/answers.json` keeps."""

import copy
import dataclasses
import json
import os
import tempfile

import numpy as np

import unmix4d
from unmix4d import Unmix, phantoms
from unmix4d.core.geometry import Calibration, ScanGeometry
from unmix4d.results import background, build, data_of_a_result, groups, saved
from unmix4d.results.forms import is_number, is_real, plain, within
from unmix4d.results.grains import edge_positions
from unmix4d.results.meaning import Meaning
from unmix4d.results.scree import find_noise

from .figure_cases import (
    NM,
    SOURCES,
    answer,
    comparison,
    corner,
    exact,
    film,
    groups_view,
    likeness,
    made,
    many_grains,
    view,
)

__all__ = ["CASES"]


def table(obj, which=None):
    """A table with its units."""
    found = obj.table if which is None else getattr(obj, which)
    return {
        "columns": {name: np.asarray(column) for name, column in found.items()},
        "units": dict(getattr(found, "units", {})),
    }


def parts(obj):
    """What is gone through, one by one, and by its number and name."""
    return {
        "length": len(obj),
        "each": [_row(one) for one in obj],
        "last": _row(obj[-1]),
        "some": [_row(one) for one in obj[0:2]],
    }


def _row(one):
    return {name: getattr(one, name) for name in dir(one) if not name.startswith("_") and not callable(getattr(one, name))}


def frame(obj, **how):
    found = obj.to_dataframe(**how)
    return {
        "columns": {str(name): found[name].to_numpy() for name in found},
        "index": str(found.index.name),
        "attrs": dict(found.attrs),
    }


def csv(obj):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "grains.csv")
        obj.to_csv(path)
        with open(path, encoding="utf-8") as file:
            head, *rows = file.read().splitlines()[:4]
    return [head, *([float(entry) for entry in row.split(",")] for row in rows)]


# Saved answers: what is in the file, and what is refused in one that was written by somebody else


def packed(obj):
    arrays = {}
    head = json.loads(json.dumps(saved._packed(obj, "", arrays), default=list))
    return head, {name: np.array(array) for name, array in arrays.items()}


def _ours(head):
    """Without what differs from one environment to the next."""
    if isinstance(head, dict):
        return {key: _ours(one) for key, one in head.items() if key not in ("versions", "unmix4d", "time_s", "data")}
    return [_ours(one) for one in head] if isinstance(head, list) else head


def file_of(obj):
    head, arrays = packed(obj)
    shapes = {name: array.shape for name, array in arrays.items()}
    claims = saved.claims(head, shapes)
    told = {name: f"{claim.shape} {claim.kinds}" for name, claim in claims.items()}
    again = saved.restored(head, dict(arrays))
    same = packed(again)
    kept = same[0] == head and all(
        np.array_equal(same[1][name], arrays[name], equal_nan=arrays[name].dtype.kind == "f") for name in arrays
    )
    return {"head": _ours(head), "claims": told, "same again": kept}


def _leaves(tree, path=()):
    if isinstance(tree, dict):
        for key, one in tree.items():
            yield from _leaves(one, (*path, key))
    elif isinstance(tree, list) and tree:
        yield from _leaves(tree[0], (*path, 0))
    yield path


def _put(tree, path, value):
    tree = copy.deepcopy(tree)
    place = tree
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return tree


WRONG = {"none": None, "text": "x", "minus": -1, "nan": float("nan"), "many": 10**6, "list": [], "flag": True, "half": 0.5}


def forged_head(obj):
    """What is said of each entry that is something else: a letter for each of `WRONG`, and the words that are used."""
    head, arrays = packed(obj)
    found, words = {}, set()
    for path in sorted({path for path in _leaves(head) if path}, key=str):
        if any(step in ("versions", "unmix4d", "time_s", "data", "settings", "record", "metadata") for step in path[:-1]):
            continue
        taken = []
        for name, value in WRONG.items():
            said = _attempt(_put(head, path, value), dict(arrays))
            if said == "taken":
                taken.append(name)
            else:
                words.add(said)
        found[".".join(map(str, path))] = " ".join(taken) or "nothing"
    return {"taken": found, "words": " | ".join(sorted(one for one in words if one.startswith("ValueError")))}


def forged_arrays(obj):
    """The same of arrays: turned round, one off, with something that cannot be in it."""
    head, arrays = packed(obj)
    changes = {
        "minus": lambda a: _with(a, -2),
        "many": lambda a: _with(a, 99),
        "nan": lambda a: _with(a, np.nan),
        "first": lambda a: _with(a, 1.5),
        "reversed": lambda a: a[::-1],
        "shorter": lambda a: a[:-1],
        "all zero": np.zeros_like,
    }
    found = {}
    for name, array in sorted(arrays.items()):
        if array.size:
            taken = [word for word, change in changes.items() if _attempt(head, {**arrays, name: change(array)}) == "taken"]
            found[name] = " ".join(taken) or "nothing"
    return found


def _with(array, value):
    array = np.array(array)
    if array.dtype.kind in "iu" and value != value:
        return array.astype(float) * value
    array.ravel()[-1:] = value
    flat = array.reshape(-1)
    flat[-1] = value
    return array


def _attempt(head, arrays):
    shapes = {name: array.shape for name, array in arrays.items()}
    try:
        for name, claim in saved.claims(head, shapes).items():
            if name in shapes and claim.shape is not None and tuple(claim.shape) != shapes[name]:
                return "another shape"
        saved.restored(head, arrays)
    except Exception as error:  # whatever a wrong entry does: storage.result_file says that the file is damaged
        return f"{type(error).__name__}: {error}" if isinstance(error, ValueError) else type(error).__name__
    return "taken"


# Answers of special kinds


def counted(**more):
    """Whole counts, so that sums are exact."""
    scan = Unmix(film().data, centre=film().centre, **NM)
    return scan.prepare(**more) if more else scan


def held_out(result=None, data=None, **how):
    result = answer("counts") if result is None else result
    return result.log_likelihood(counted() if data is None else data, **how)


def changed(at=(3, 4), by=1):
    """The same scan with one more electron at one position."""
    data = np.array(film().data)
    data[(*at, 5, 6)] += by
    return data


def other_data(result, data):
    """A result of a scan that says something else since."""
    scan = Unmix(data, centre=film().centre, **NM)
    return dataclasses.replace(result, source=scan)


def unlinked(name):
    return dataclasses.replace(answer(name), source=None)


def spread_over(kind="flat", k=3, alone=False, spots=False):
    """Bands, and a component that is everywhere."""
    result = made(k, (20, 22), (32, 32))
    maps = np.array(result.maps)
    row, col = np.indices((20, 22))
    maps[0] = 0.8 + 0.05 * np.sin(row) if kind == "flat" else 0.4 + 0.6 * (np.hypot(row - 10, col - 6) < 5)
    if alone:
        maps[1:, :, :10] = 0
    patterns = np.exp(-np.hypot(*(np.indices((k, 32, 32))[1:] - 15.5)) / 6)
    if spots:
        patterns[0] += 3 * np.exp(-(np.hypot(np.indices((32, 32))[0] - 8, np.indices((32, 32))[1] - 20) ** 2))
    return dataclasses.replace(result, maps=maps / maps.max((1, 2), keepdims=True), patterns=patterns)


def bands(k=3, shape=(10, 12), **more):
    return made(k, shape, **more)


def settings_of(obj):
    return _ours(json.loads(json.dumps(dict(obj.settings), default=str)))


def arranged(**how):
    """Components in some order as an answer has them."""
    rng = np.random.default_rng(3)
    maps, patterns = rng.random((30, 4)), rng.random((4, 50))
    maps[:, 2] *= 5
    maps[:, 3] = 0
    return build.order_and_scale(maps, patterns, float((maps @ patterns).sum()), **how)


def whole(*share, **settings):
    return build._say_if_not_whole(np.array(share), "nmf", settings)


def turned(**how):
    data = phantoms.rotated_phases(n_phases=2, scan_shape=(5, 6), detector_shape=(40, 42), dose=3e3, seed=2)
    return Unmix(data.data, centre=data.centre).group_rotated(**{"random_state": 0, **how})


def parted(**how):
    return answer("parts").group_rotated(**how)


def few(obj, *names):
    return {name: getattr(obj, name) for name in names}


GROUPED = ("labels", "leaf_labels", "angles_deg", "mirrored", "similarity", "linkage", "height", "symmetry", "sizes", "told")
CAL = Calibration(step=(2.0, 3.0), step_unit="nm")
SOURCES |= {
    "counts": lambda: counted().nmf(3, max_iter=15, **exact()),
    "svd of counts": lambda: counted().svd(3, **exact()),
    "features": lambda: view().angular_average(30, rings=[(3, 6), (6, 10)]).nmf(3, max_iter=15, **exact()),
    "parts": lambda: groups_view().nmf(4, max_iter=15, **exact()),
    "sub": lambda: answer("fuzzy").subclusters(0, 2, min_membership=0.5, n_starts=2, random_state=0),
    "consensus": lambda: answer("merged").consensus(),
    "psnr": lambda: answer("nmf").pattern_similarity("psnr", scale="sqrt"),
    "quality, roots": lambda: answer("features").report_quality(scale="sqrt"),
}
_PLAIN = (
    "svd",
    "nmf",
    "scree",
    "fuzzy",
    "validity",
    "choice",
    "cao",
    "merged",
    "groups",
    "groups of components",
    "overlap",
    "grains",
    "quality",
    "likeness",
    "ssim",
    "psnr",
    "features",
    "counts",
    "consensus",
    "sub",
)
_SAVED = (
    "svd",
    "nmf",
    "fuzzy",
    "validity",
    "choice",
    "merged",
    "groups of components",
    "overlap",
    "grains",
    "quality",
    "psnr",
    "scree",
    "features",
)
_TABLES = tuple(name for name in _PLAIN if name not in ("choice", "cao", "validity", "overlap"))
_PARTS = ("nmf", "groups", "grains", "quality", "fuzzy", "merged")

CASES = {f"{name}": lambda name=name: answer(name) for name in _PLAIN}
CASES |= {f"{name}, table": lambda name=name: table(answer(name)) for name in _TABLES}
CASES |= {f"{name}, parts": lambda name=name: parts(answer(name)) for name in _PARTS}
CASES |= {f"{name}, saved": lambda name=name: file_of(answer(name)) for name in _SAVED}
CASES |= {f"{name}, forged": lambda name=name: forged_head(answer(name)) for name in _SAVED}
CASES |= {f"{name}, forged arrays": lambda name=name: forged_arrays(answer(name)) for name in _SAVED}
CASES |= {
    f"{name}, settings": lambda name=name: settings_of(answer(name))
    for name in ("nmf", "merged", "grains", "overlap", "groups")
}
CASES |= {
    # what is read from a decomposition
    "labels": lambda: [
        answer("nmf").labels(),
        made(1).labels(),
        made(3, mask=corner((12, 14))).labels(),
        made(3, signed=True).labels(),
    ],
    "reconstruct": lambda: [answer("nmf").reconstruct(5, 6), answer("svd").reconstruct(-1, -1), made(2).reconstruct(11, 13)],
    "reconstruct, excluded": lambda: answer("nmf").reconstruct(0, 0),
    "reconstruct, outside": lambda: made(2).reconstruct(12, 0),
    "reconstruct, beyond the last column": lambda: made(2).reconstruct(0, 14),
    "residual map": lambda: [answer(name).residual_map() for name in ("nmf", "features", "svd", "fuzzy")],
    "residual map, unlinked": lambda: unlinked("nmf").residual_map(),
    "residual map, nothing": lambda: made(2).residual_map(),
    "mean patterns": lambda: [answer("nmf").mean_patterns(), answer("nmf").mean_patterns(single=True)],
    "mean patterns, unlinked": lambda: unlinked("nmf").mean_patterns(),
    "mean patterns, changed": lambda: other_data(answer("counts"), changed()).mean_patterns(),
    "single positions": lambda: [answer("nmf").single_positions(), answer("fuzzy").single_positions()],
    "by number": lambda: few(answer("nmf")[2], "pattern", "map"),
    "by no number": lambda: answer("nmf")[4],
    "by a text": lambda: answer("nmf")["first"],
    "distinguishable": lambda: [
        answer("svd").distinguishable,
        answer("svd of counts").distinguishable,
        answer("nmf").distinguishable,
    ],
    "citation": lambda: {name: answer(name).citation for name in ("nmf", "fuzzy", "merged")},
    "shapes": lambda: dataclasses.replace(made(2), maps=np.ones((3, 12, 14))),
    "frames": lambda: {
        "nmf": frame(answer("nmf")),
        "pairs": frame(answer("overlap")),
        "areas": frame(answer("overlap"), which="areas"),
    },
    "frame of none such": lambda: answer("overlap").to_dataframe("none"),
    # counts and data that have changed
    "likelihood": lambda: [held_out(relative_to=one) for one in (None, "mean", "saturated")],
    "likelihood of none such": lambda: held_out(relative_to="none"),
    "likelihood of other counts": lambda: held_out(data=counted(crop=((0, 20), (0, 20)))),
    "likelihood of another scan": lambda: held_out(data=Unmix(film().data[:6])),
    "likelihood of what is no view": lambda: held_out(data=film().data),
    "likelihood of halves": lambda: held_out(data=Unmix(film().data / 2.0, centre=film().centre, **NM)),
    "likelihood of friedel": lambda: held_out(data=counted(friedel=True)),
    "likelihood of signed": lambda: held_out(answer("svd of counts")),
    "likelihood of a thinned half": lambda: thinned(),
    "expected": lambda: [vars(data_of_a_result.expected_of(answer(name), "it")) for name in ("counts", "nmf")],
    "expected of nothing": lambda: data_of_a_result.expected_of(made(2), "it"),
    "counts": lambda: [data_of_a_result.counts_of(answer(name)) for name in ("counts", "nmf", "svd of counts")],
    "one pattern more": lambda: data_of_a_result.require_pattern_of(
        answer("counts"), 3, 4, np.asarray(changed()[3, 4], float), "it"
    ),
    "one pattern as it was": lambda: data_of_a_result.require_pattern_of(
        answer("counts"), 3, 4, np.asarray(film().data[3, 4], float), "it"
    ),
    "other totals": lambda: data_of_a_result.require_same_data(
        answer("counts"), dataclasses.replace(answer("counts"), totals=answer("counts").totals + 1), "it"
    ),
    "the same totals": lambda: data_of_a_result.require_same_data(answer("counts"), answer("counts"), "it"),
    # order, scale and shares
    "arranged": lambda: [arranged(), arranged(n_fixed=2), arranged(keep_scale=True)],
    "arranged, nothing": lambda: build.order_and_scale(np.zeros((3, 2)), np.zeros((2, 4)), 0.0),
    "rescaled": lambda: build._rescaled(
        np.ones((3, 4)), np.array([[1.0, -4.0, 0.0], [0.5, 2.0, 0.0]]), np.array([[1.0, 1.0, 0.0]])
    ),
    "shares of the whole": lambda: whole(0.6, 0.4),
    "shares of nearly the whole": lambda: [whole(0.6, 0.39), whole(0.6, 0.31), whole(0.6, 0.49)],
    "shares of less": lambda: whole(0.6, 0.2),
    "shares of more": lambda: whole(0.6, 0.6),
    "share of one": lambda: whole(0.7),
    "shares kept apart": lambda: whole(0.6, 0.2, constraints=[{"name": "Friedel"}, {"name": "SmoothMaps"}]),
    "shares that add up": lambda: whole(0.6, 0.2, sum_to_one=True),
    # backgrounds
    "background, spread": lambda: [
        background.spread_components(spread_over().maps, np.ones((20, 22), bool), [0, 1, 2]),
        background.spread_components(spread_over("disk").maps, np.ones((20, 22), bool), [0, 1]),
    ],
    "background with a grain": lambda: found_grain(spread_over("disk", alone=True)),
    "background with spots": lambda: found_grain(spread_over(alone=True, spots=True)),
    "background alone": lambda: found_grain(spread_over(alone=True)),
    "background, none": lambda: background.say_if_grain(made(2), made(2).maps, np.ones((12, 14), bool), [], "it"),
    "background, said": lambda: [background.with_grain({}), background.with_grain({"grain_in_background": [0, 2]})],
    # grains
    "grains, csv": lambda: csv(answer("grains")),
    "grains of bands": lambda: [
        few(bands().grains(**how), "masks", "components", "background")
        for how in (
            {"min_size": 1},
            {"min_size": 30},
            {"threshold": "otsu", "min_size": 3},
            {"threshold": 0.5, "connectivity": 2},
        )
    ],
    "grains, filled and opened": lambda: [
        few(holes().grains(min_size=2, threshold=0.5, **how), "masks")
        for how in ({}, {"fill_holes": 1}, {"fill_holes": 4}, {"opening": 1}, {"opening": 2}, {"connectivity": 2})
    ],
    "grains of an area": lambda: [
        bands(calibration=NM).grains(min_size=one).settings["min_positions"]
        for one in ("20 nm^2", "36 nm²", "2000 Å^2", "7.2 px^2", "0.5 px^2", "20nm**2")
    ],
    "grains of an uncalibrated area": lambda: bands().grains(min_size="20 nm^2"),
    "grains of a length": lambda: bands(calibration=NM).grains(min_size="20 nm"),
    "grains of another unit": lambda: bands(calibration=NM).grains(min_size="20 mrad^2"),
    "grains of no size": lambda: bands().grains(min_size=0),
    "grains of some": lambda: few(bands().grains(min_size=1, components=[2, 0]), "components", "masks"),
    "grains of some twice": lambda: bands().grains(components=[1, 1]),
    "grains of none": lambda: bands().grains(components=[]),
    "grains, connectivity": lambda: bands().grains(connectivity=3),
    "grains, opening": lambda: bands().grains(opening=13),
    "grains, too small": lambda: len(bands().grains(min_size=100)),
    "grains, too small and opened": lambda: len(bands().grains(min_size=50, opening=2)),
    "grains, constant": lambda: len(made(2, maps=np.ones((2, 12, 14))).grains(background="keep")),
    "grains, all background": lambda: len(made(2, maps=np.ones((2, 12, 14))).grains()),
    "grains, spread": lambda: few(spread_over().grains(min_size=2), "components", "background", "settings"),
    "grains, signed": lambda: answer("svd").grains(),
    "grains, many": lambda: [many_grains(3, calibration=NM), table(many_grains(3, calibration=NM)), many_grains(3).count],
    "grains, masks": lambda: [
        many_grains(3).mask(1),
        many_grains(3).labels(),
        answer("grains").labels(),
        answer("grains").intensities,
    ],
    "grains, no mask": lambda: many_grains(3).mask(3),
    "grains, mean patterns": lambda: [answer("grains").mean_patterns(), answer("grains").mean_patterns(single=True)],
    "grains, unlinked": lambda: dataclasses.replace(answer("grains"), result=unlinked("nmf")).mean_patterns(),
    "grains, dissimilarity": lambda: answer("grains").dissimilarity(),
    "grains, edges": lambda: [
        edge_positions(~corner((4, 5))),
        edge_positions(np.ones((1, 5), bool)),
        edge_positions(np.ones((4, 4), bool)),
    ],
    # overlap
    "overlap, areas": lambda: [table(answer("overlap"), "areas"), table(answer("overlap"), "pairs")],
    "overlap at": lambda: [answer("overlap").at(one) for one in (0.3, 0.75, 0.99)],
    "overlap at more than one": lambda: answer("overlap").at(1.5),
    "overlap, ways": lambda: [
        few(bands(calibration=NM).overlap(background="keep", **how), "ratio", "first", "second", "weights")
        for how in (
            {"min_weight": None},
            {"min_weight": 0.3},
            {"min_weight": 0, "scale": "minmax"},
            {"min_weight": 0.1, "thresholds": 0.2},
        )
    ],
    "overlap, noise": lambda: [
        few(answer(name).overlap(**how), "ratio", "first")
        for name in ("nmf", "features", "fuzzy")
        for how in ({}, {"background": "keep"})
    ],
    "overlap, background": lambda: [
        few(spread_over().overlap(min_weight=None, background=one), "background", "first") for one in ("drop", 1, [0], None)
    ],
    "overlap, spread": lambda: few(spread_over(k=2).overlap(min_weight=None), "background", "first"),
    "overlap, spread, auto": lambda: spread_over(k=2).overlap(min_weight=None, background="auto"),
    "overlap of one": lambda: made(1).overlap(min_weight=None, background="keep"),
    "overlap beside backgrounds": lambda: made(3).overlap(min_weight=None, background=[0, 1]),
    "overlap of no background": lambda: made(3).overlap(background=[3]),
    "overlap of weights of one": lambda: made(3).overlap(min_weight=1.0),
    "overlap of weights below zero": lambda: made(3).overlap(min_weight=-0.1),
    "overlap of weights of a word": lambda: made(3).overlap(min_weight="some"),
    "overlap of a flag": lambda: made(3).overlap(min_weight=True),
    "overlap of thresholds": lambda: made(3).overlap(thresholds=[0.5, 1.2]),
    "overlap of no threshold": lambda: made(3).overlap(thresholds=[]),
    "overlap of thresholds twice": lambda: (
        made(3).overlap(thresholds=[0.5, 0.5], min_weight=None, background="keep").thresholds
    ),
    "overlap without residuals": lambda: made(3).overlap(),
    "overlap where there is none": lambda: few(apart().overlap(min_weight=0.5, background="keep"), "ratio"),
    "overlap of negative patterns": lambda: dataclasses.replace(made(2), patterns=-made(2).patterns).overlap(
        min_weight=None, background="keep"
    ),
    "overlap, profile": lambda: [answer("overlap").profile((3, 0), (9, 13)), answer("overlap").profile((11, 2), (0, 2))],
    "overlap, no profile": lambda: answer("overlap").profile((3, 0), (3, 0)),
    "overlap, profile of one number": lambda: answer("overlap").profile(3, (3, 0)),
    # groups
    "groups, ways": lambda: [
        few(turned(**how), *GROUPED)
        for how in ({"n_groups": 2}, {}, {"distance": 0.3}, {"n_groups": 3, "linkage": "complete", "weight": "none"})
    ],
    "groups, friedel and mirror": lambda: [
        few(turned(n_groups=2, friedel=True), *GROUPED),
        few(turned(n_groups=2, mirror=True), *GROUPED),
    ],
    "groups of parts, ways": lambda: [
        few(parted(**how), *GROUPED, "patterns", "maps")
        for how in (
            {"n_groups": 2},
            {"mirror": True},
            {"friedel": True, "n_groups": 3},
            {"as_published": True},
            {"spots": None},
        )
    ],
    "groups of parts, more ways": lambda: [
        few(parted(**how), *GROUPED)
        for how in (
            {"distance": 0.02},
            {"weight": "none"},
            {"r_min": 4, "r_max": 15.5},
            {"refine_centre": True},
            {"spots": 1.5},
        )
    ],
    "groups of parts, settings": lambda: settings_of(parted(mirror=True, r_min=4)),
    "groups of parts, too many": lambda: parted(n_groups=5),
    "groups, angles": lambda: [answer("groups").angle_map(one) for one in (None, 0, 1)],
    "groups, orientation": lambda: [answer("groups").orientation(one) for one in (None, 0)],
    "groups, none such": lambda: answer("groups").angle_map(2),
    "groups, two cuts": lambda: turned(n_groups=2, distance=0.3),
    "groups, far": lambda: turned(distance=1.1),
    "groups, too many": lambda: turned(n_groups=31),
    "groups, no linkage": lambda: turned(linkage="none"),
    "groups, no range": lambda: turned(r_min=15, r_max=15),
    "groups, cuts": lambda: [
        groups.checked_cut(*one, 5, "parts") for one in (("auto", None, "ward"), (3, None, "single"), ("auto", 1.0, "ward"))
    ],
    "groups, ranges": lambda: [
        groups.polar_range(geometry, *radii)
        for geometry in (ScanGeometry((1, 1), (40, 50)), ScanGeometry((1, 1), (200, 260)))
        for radii in ((None, None), (0, 12), (0.5, None), (3, 9.5))
    ],
    "groups, ranges in nm": lambda: groups.polar_range(
        ScanGeometry((1, 1), (40, 50), calibration=Calibration(pixel_size=(0.1, 0.1), pixel_unit="1/nm")),
        "0.3 1/nm",
        "1.5 1/nm",
    ),
    "groups, centre": lambda: [
        groups.settled_centre(ScanGeometry((1, 1), (40, 50)), offset(*one), refine, "it").centre
        for one in ((True, True), (False, False))
        for refine in (True, False, "auto")
    ],
    "groups, no centre": lambda: (
        groups.settled_centre(ScanGeometry((1, 1), (40, 50)), offset(False, True), True, "it").centre
    ),
    "groups, hot pixels": lambda: [groups.without_pixels(corner((9, 9), slice(0, n)), "it") for n in (1,)],
    "groups, few hot pixels": lambda: groups.without_pixels(corner((9, 9), 0, slice(0, 4)), "it"),
    "groups, hot components": lambda: few(hot().group_rotated(2), "labels", "similarity", "patterns"),
    "groups, by strength": lambda: groups.by_strength(np.array([0, 1, 1, 2]), np.array([3.0, 1.0, 1.0, 9.0])),
    "groups, means": lambda: groups.mean_of(np.array([1.0, 2.0]), np.array([2.0, 0.0]), np.float32),
    # clusters
    "clusters, memberships": lambda: answer("fuzzy").membership_at(np.arange(12.0).reshape(4, 3) * 30),
    "clusters, wrong loadings": lambda: answer("fuzzy").membership_at(np.ones((4, 2))),
    "subclusters of none": lambda: answer("fuzzy").subclusters(3, 2),
    "subclusters of too few": lambda: answer("fuzzy").subclusters(0, 2, min_membership=1.0),
    "subclusters of a saved one": lambda: dataclasses.replace(answer("fuzzy"), _view=None).subclusters(0, 2),
    "validity, votes": lambda: [
        answer("validity").votes,
        answer("validity").suggested,
        [len(one.maps) for one in map(answer("validity").__getitem__, answer("validity"))],
    ],
    "validity of none such": lambda: answer("validity")[9],
    # merging
    "consensus, ways": lambda: [
        few(answer("merged").consensus(**how), "maps", "stability", "agreement", "grain_probability", "spread")
        for how in ({"how": "mean"}, {"min_share": 1.0}, {"alike": 0.95, "min_share": 0.3})
    ],
    "consensus of nothing": lambda: answer("merged").consensus(alike=1.1),
    "consensus of none such": lambda: answer("merged").consensus("sum"),
    "consensus of a saved one": lambda: dataclasses.replace(answer("merged"), runs=()).consensus(),
    # choices of k
    "choice, by k": lambda: [answer("choice")[3].maps, len(answer("choice")), list(answer("choice"))],
    "choice of none such": lambda: answer("choice")[9],
    "choice, to host": lambda: answer("choice").to_host(),
    # quality and likeness
    "quality, roots": lambda: answer("quality, roots"),
    "quality, unlinked": lambda: unlinked("nmf").report_quality(),
    "quality, signed": lambda: answer("svd").report_quality(),
    "quality, no scale": lambda: answer("nmf").report_quality(scale="log"),
    "likeness, ways": lambda: [
        few(answer("nmf").pattern_similarity(one, scale=scale), "matrix", "data_range", "most_similar", "pairs")
        for one in ("ssim", "psnr", "gmsd", "mdsi", "cross_correlation")
        for scale in ("linear", "sqrt")
    ],
    "likeness of one": lambda: likeness(1),
    "likeness of many": lambda: [likeness(4, "gmsd"), likeness(3, "psnr", 30.0)],
    "likeness of none such": lambda: answer("nmf").pattern_similarity("none"),
    "comparison": lambda: [comparison(), table(comparison()), comparison(agree=1.0)],
    # what is public and small
    "elbows": lambda: [
        find_noise(one)
        for one in (
            [8, 4, 2, 1, 0.9, 0.8, 0.75, 0.7],
            [8, 1, 0.9, 0.8, 0.75, 0.7],
            [8, 1, 0.9, 0.8, 0.75],
            [8, 4, 0, 0],
            [0, 0],
            [8, 4, 2, 1, 0.5, 0.25, 0.125, 0.06],
            np.exp(-np.arange(12.0) * np.array([3] * 3 + [1] * 9)),
        )
    ],
    "meanings": lambda: [few(Meaning(**one), "component", "share") for one in ({}, {"memberships": True}, {"signed": True})],
    "plain": lambda: plain({"a": (1, np.float64(2.5)), 3: np.arange(2), "b": None, "c": {1}, "d": np.bool_(True)}),
    "numbers": lambda: [
        [one(value) for value in (1, 1.5, True, float("nan"), float("inf"), "1", None)] for one in (is_number, is_real)
    ],
    "within": lambda: [
        within(np.array(values), 3, *least) for values in ([], [-1, 2], [-2, 0], [0, 3], [0, 2]) for least in ((), (0,))
    ],
    "loaded": lambda: loaded(),
}


def found_grain(result):
    kept = np.ones(result.geometry.scan_shape, bool)
    return background.say_if_grain(result, np.array(result.maps), kept, [0], "it")


def apart():
    maps = np.zeros((2, 12, 14))
    maps[0, :, :6], maps[1, :, 7:] = 1, 1
    return made(2, maps=maps)


def holes():
    """A frame with holes of one and four positions, with a bridge and a corner."""
    maps = np.zeros((1, 12, 16))
    maps[0, 1:7, 1:7], maps[0, 2, 2], maps[0, 4:6, 4:6] = 1, 0, 0
    maps[0, 3, 7:10], maps[0, 1:7, 10:15], maps[0, 7:10, 7:10] = 1, 1, 1
    return made(1, (12, 16), maps=maps)


def hot():
    """Components with a pixel that is bright in all of them."""
    patterns = np.array(answer("parts").patterns)
    patterns[:, 20, 33] = 50 * patterns.max()
    return dataclasses.replace(answer("parts"), patterns=patterns, source=None)


def offset(known, noticed, row=1.25, col=-0.5):
    import types

    return types.SimpleNamespace(row=row, col=col, known=known, noticed=noticed)


def thinned():
    data = np.random.default_rng(1).binomial(np.asarray(film().data), 0.5)
    half = Unmix(data, centre=film().centre, **NM)
    return held_out(half.nmf(3, max_iter=10, **exact()), relative_to="mean")


def loaded():
    """From a file, with the scan and without."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.h5")
        answer("counts").save(path)
        alone, with_data = unmix4d.load(path), unmix4d.load(path, data=Unmix(film().data, centre=film().centre, **NM))
        found = [few(alone, "method", "loss", "maps", "k"), with_data.mean_patterns()]
        try:
            unmix4d.load(path, data=changed()).mean_patterns()
        except ValueError as error:
            found.append(str(error))
        return found
