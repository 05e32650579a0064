"""``unmix4d.load``: from a file to the answer in it."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

from .core import checks
from .core.geometry import ScanGeometry
from .engine.expected import differing
from .methods import fuzzy_cmeans, ica, nmf, svd, vca
from .results import merged
from .results.citations import KRYLOV, MERGING
from .results.data_of_a_result import counts_of
from .results.decomposition import Decomposition
from .results.saved import claims, linked, restored
from .storage.result_file import KIND, read
from .storage.safety import unreadable
from .views.unmix import Unmix
from .views.view import View

__all__ = ["load"]

# What files of 0.1.0 do not say: the meaning of the components and the papers, by the method.
_UNSAID = {
    "svd": (svd.MEANING["svd"], KRYLOV),
    "pca": (svd.MEANING["pca"], KRYLOV),
    "ica": (ica.MEANING, ica.REFERENCES),
    "vca": (vca.MEANING, vca.REFERENCES),
    "nmf": (nmf.MEANING, nmf.references),
    "merge_nmf": (merged.MEANING, MERGING),
    "fuzzy_cmeans": (fuzzy_cmeans.MEANING, fuzzy_cmeans.references),
}


def load(path: str | os.PathLike[str], data: Any = None) -> Any:
    """Load a saved result: a decomposition, grains, groups, overlap, a choice of k, ...

    Parameters
    ----------
    path : str or path-like
        File written by the ``save`` method of a result.
    data : Unmix, or anything `Unmix` takes, optional
        The scan of the result, prepared in the same way; for a result of features the same features of it, for example
        ``u.angular_average()``. Methods that need the data then work again.

    Returns
    -------
    Decomposition, Grains, Groups, Overlap, KChoice, Orientations, ...
        The saved result.

    Raises
    ------
    OSError
        If the file cannot be read, is not a result of unmix4d, is damaged, or comes from a newer version.
    ValueError
        If `data` is not the scan of the result, or if the result does not need a scan.

    Examples
    --------
    >>> import unmix4d, tempfile, os
    >>> phantom = unmix4d.phantoms.random_scan(shape=(6, 8, 10, 20), k=2, seed=0)
    >>> path = os.path.join(tempfile.mkdtemp(), "run.unmix.h5")
    >>> unmix4d.Unmix(phantom.data).nmf(2, random_state=0).save(path)
    >>> unmix4d.load(path).k
    2
    """
    path = checks.file_name(path)
    head, arrays = read(path, claims)
    with unreadable(path, *KIND):
        answer = restored(_completed(head), arrays)
    return answer if data is None else _relinked(answer, data)


def _completed(head: dict[str, Any]) -> dict[str, Any]:
    """The head of a result with what older files do not say of it."""
    if "method" not in head:
        return head
    meaning, papers = head.get("meaning"), head.get("references")
    if meaning is None:
        said, papers = _UNSAID[head["method"]]
        meaning = dataclasses.asdict(said)
        papers = papers(head["settings"]) if callable(papers) else papers
    # Only clusters have memberships; files from before that was said do not say so.
    meaning = {"memberships": head["kind"] == "FuzzyClusters", **meaning}
    return {**head, "meaning": meaning, "references": papers}


def _relinked(answer: Any, data: Any) -> Any:
    # Patterns and totals of a result are those of the scan, also where features of it were decomposed.
    decomposed = data if isinstance(data, View) else Unmix(data)
    view = decomposed.pixel_view
    known: list[tuple[Any, Any]] = []  # read once, however many results there are in the answer

    def link(result: Decomposition) -> Decomposition:
        _require_shape(view, result.geometry)
        if not known:
            known.append(_sums(view))
        _require_same(result, *known[0])
        return dataclasses.replace(result, source=view, **_features_of(result, decomposed))

    found = linked(answer, link)
    if not known:
        raise ValueError(
            f"data cannot be linked to {type(answer).__name__}, which holds nothing that reads the scan: load it without "
            "data="
        )
    return found


def _features_of(result: Decomposition, decomposed: Any) -> dict[str, Any]:
    """The view that was decomposed, where it is one of features."""
    if result.features is None or decomposed is decomposed.pixel_view:
        return {}
    saved, given = result.settings.get("features", {}), decomposed.features.record()
    if saved != given:
        other = sorted(name for name in {*saved, *given} if saved.get(name) != given.get(name))
        raise ValueError(
            f"data must be the features that were decomposed, or their scan, but {', '.join(other)} of them is not as in "
            f".settings['features'] of the saved result: {given.get(other[0])!r} instead of {saved.get(other[0])!r}"
        )
    return {"_view": decomposed}


def _require_shape(view: Any, geometry: ScanGeometry) -> None:
    if (view.geometry.scan_shape, view.geometry.detector_shape) != (geometry.scan_shape, geometry.detector_shape):
        raise ValueError(
            f"data must have the shape {geometry.scan_shape + geometry.detector_shape} of the saved result, got "
            f"{view.geometry.scan_shape + view.geometry.detector_shape}: prepare it in the same way (see .settings['view'])"
        )


def _sums(view: Any) -> tuple[Any, Any]:
    statistics = view.matrix().statistics()
    mean = view.geometry.to_images(statistics.mean_pattern[None])[0]
    return mean, view.geometry.to_maps(statistics.totals[:, None])[0]


def _require_same(result: Decomposition, mean: Any, totals: Any) -> None:
    # Of counts one more or less shows; the mean of so many patterns is kept in single precision.
    exact = counts_of(result)
    for name, found, saved, step in (
        ("mean pattern", mean, result.mean_pattern, 1 / result.geometry.n_positions),
        ("total intensities", totals, result.totals, 1.0),
    ):
        if saved is not None and differing(found, saved, step=step if exact else None).any():
            raise ValueError(f"data is not the scan of the saved result, prepared alike: its {name} or masks differ")
