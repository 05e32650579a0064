"""What an answer must keep: shapes, types, finite wherever nothing is excluded."""

from __future__ import annotations

import numpy as np

from unmix4d import Decomposition, Grains, Groups, KChoice, OrientationComparison, Orientations, Overlap, Unmix

__all__ = ["Broken", "inspect"]


class Broken(AssertionError):
    """Neither an answer within the contract nor a clear refusal."""


def inspect(name, answer, options):
    """Raises Broken when the answer of a method is none."""
    if isinstance(answer, dict):
        for each in answer.values():
            inspect(name, each, options)
        return
    for kind, look in _KINDS.items():
        if isinstance(answer, kind):
            look(name, answer, options)
    if hasattr(answer, "models"):
        for each in answer.models.values():
            _decomposition(name, each, options)
    elif isinstance(answer, (float, np.floating)):
        # NaN is what is said where the masks leave no 3 x 3 pixels together.
        _require(np.isfinite(answer) or name == "noise_deviation", name, f"the answer is {answer}")
    elif isinstance(answer, np.ndarray):
        _require(answer.dtype.kind != "f" or not np.isinf(answer).any(), name, "infinite values")
    elif isinstance(answer, tuple) and name == "split_counts":
        _require(all(isinstance(part, Unmix) for part in answer), name, f"got {answer!r}")
    repr(answer)


def _require(condition, name, what):
    if not condition:
        raise Broken(f"{name}: {what}")


def _kept(geometry):
    return geometry.kept_positions.reshape(geometry.scan_shape)


def _decomposition(name, result, options):
    geometry = result.geometry
    _require(result.patterns.shape == (result.k, *geometry.detector_shape), name, f"patterns {result.patterns.shape}")
    _require(result.maps.shape == (result.k, *geometry.scan_shape), name, f"maps {result.maps.shape}")
    dtype = result.source.scan.dtype
    precision = result.settings.get("precision") if result.edits else options.get("precision")
    double = precision == "double" or dtype.kind == "f" and dtype.itemsize == 8
    found = {result.maps.dtype, result.patterns.dtype}
    _require(found == {np.dtype(np.float64 if double else np.float32)}, name, f"dtypes are {found} of a scan of {dtype}")
    kept = _kept(geometry)
    pixels = geometry.kept_pixels.reshape(geometry.detector_shape)
    for images, where, what in ((result.maps, kept, "maps"), (result.patterns, pixels, "patterns")):
        _require(np.isfinite(images[:, where]).all(), name, f"{what} are not finite where nothing is excluded")
        _require(np.isnan(images[:, ~where]).all(), name, f"{what} are not NaN where excluded")
        _require(not images.flags.writeable, name, f"{what} can be written to")
    if result.method in ("nmf", "merge_nmf", "vca", "fuzzy_cmeans"):
        _require((result.maps[:, kept] >= 0).all(), name, "negative maps")
    _require(np.isfinite(result.explained).all(), name, f"explained is {result.explained}")
    _require(np.isfinite(result.loss) or result.method == "fuzzy_cmeans", name, f"the loss is {result.loss}")


def _choice(name, choice, options):
    _require(choice.recommended in choice.ks, name, f"recommends {choice.recommended} of {choice.ks}")
    _require(choice.confidence in ("clear", "ambiguous") and choice.reasons, name, f"{choice.confidence}: {choice.reasons}")
    for k in choice:
        _require(choice[k].k == k, name, f"[{k}] has {choice[k].k} components")
        _decomposition(name, choice[k], options)
    for column in choice.table.values():
        _require(len(column) == len(choice.ks), name, "columns of other lengths")
    _require(np.isfinite(choice.sizes).all(), name, f"sizes {choice.sizes}")


def _groups(name, groups, options):
    geometry, n = groups.geometry, len(groups)
    of_positions = groups.members is None
    shape = geometry.scan_shape if of_positions else (groups.members.k,)
    for what in ("labels", "angles_deg", "angle_residuals_deg", "mirrored"):
        _require(getattr(groups, what).shape == shape, name, f"{what} {getattr(groups, what).shape}")
    _require(-1 <= groups.labels.min() and groups.labels.max() < n, name, f"labels {np.unique(groups.labels)} of {n}")
    _require((groups.sizes > 0).all(), name, f"sizes {groups.sizes}")
    _require(groups.patterns.shape == (n, *geometry.detector_shape), name, f"patterns {groups.patterns.shape}")
    _require(groups.maps.shape == (n, *geometry.scan_shape), name, f"maps {groups.maps.shape}")
    kept = _kept(geometry)
    _require(np.isfinite(groups.maps[:, kept]).all() and np.isnan(groups.maps[:, ~kept]).all(), name, "maps not as excluded")
    _require(not of_positions or (groups.labels[~kept] == -1).all(), name, "an excluded position has a group")
    _require(not np.isinf(groups.patterns).any() and np.isfinite(groups.similarity).all(), name, "infinite values")
    _require(set(groups.symmetry.tolist()) <= {0, 1, 2, 3, 4, 6}, name, f"symmetry {groups.symmetry}")


def _grains(name, grains, options):
    _require(grains.masks.shape == (len(grains), *grains.geometry.scan_shape), name, f"masks {grains.masks.shape}")
    _require(not grains.masks[:, ~_kept(grains.geometry)].any(), name, "a grain at excluded positions")
    _require(grains.masks.any((1, 2)).all(), name, "an empty grain")
    for column, values in grains.table.items():
        _require(len(values) == len(grains) and np.isfinite(values).all(), name, f"column {column}: {values}")


def _overlap(name, overlap, options):
    ratio = overlap.ratio[~np.isnan(overlap.ratio)]
    _require(((ratio >= 0) & (ratio <= 1)).all(), name, f"ratios up to {ratio.max(initial=0)}")
    _require(np.isnan(overlap.ratio[~_kept(overlap.geometry)]).all(), name, "a ratio at excluded positions")
    _require((overlap.first < len(overlap.weights)).all(), name, "no such component")


def _orientations(name, found, options):
    geometry = found.geometry
    _require(found.first.shape == found.second.shape == geometry.scan_shape, name, f"painted {found.first.shape}")
    _require((found.first[~_kept(geometry)] == -1).all(), name, "painted at excluded positions")
    for which, index in (("first", found.first), ("second", found.second)):
        matrices = found.matrices(which)
        some = matrices[index >= 0]
        _require(np.isnan(matrices[index < 0]).all(), name, "an orientation where none is painted")
        product = some @ some.transpose(0, 2, 1)
        _require(np.allclose(product, np.eye(3), atol=1e-4) and (np.linalg.det(some) > 0).all(), name, "no rotations")


def _comparison(name, compared, options):
    for angles in (compared.misorientation_deg, compared.nearest_deg):
        angles = angles[~np.isnan(angles)]
        _require(((angles >= 0) & (angles <= 180)).all(), name, f"angles {angles}")


_KINDS = {
    Decomposition: _decomposition, KChoice: _choice, Groups: _groups, Grains: _grains, Overlap: _overlap,
    Orientations: _orientations, OrientationComparison: _comparison,
}  # fmt: skip
