"""unmix4d itself."""

from __future__ import annotations

import numpy as np

from unmix4d import Unmix, constraints, phantoms

from . import alike, arguments, blobs, mixture, named, sources

__all__ = ["ROWS"]


def _view(data=None):
    return Unmix(mixture()[0] if data is None else data)


def _counts(seed=0):
    return np.random.default_rng(seed).poisson(300 * mixture()[0]).astype(np.uint16)


def _film(**options):
    given = {"n_grains": 3, "scan_shape": (16, 16), "detector_shape": (32, 32), "background": 0, "dose": 3000, "seed": 0}
    return phantoms.polycrystal(**{**given, **options})


def svd_and_pca():
    data = mixture()[0]
    found = _view().svd(2)
    return np.allclose(np.einsum("kij,kab->ijab", found.maps, found.patterns), data, atol=1e-4) and _view().pca(2).k == 2


def ica(**options):
    independent, mixed = sources()
    patterns = np.random.default_rng(1).random((2, 3, 4))
    data = np.einsum("ik,kab->iab", mixed, patterns).reshape(20, 20, 3, 4)
    return alike(_view(data).ica(2, on="maps", random_state=0, **options).maps, independent.reshape(2, 20, 20))


def _nmf(data=None, view=None, **options):
    _, maps, patterns = mixture()
    found = (view or _view(data)).nmf(2, random_state=0, **options)
    return alike(np.nan_to_num(found.maps), maps, 0.9) and alike(np.nan_to_num(found.patterns), patterns, 0.9)


def on_disk():
    import dask.array as da

    return _nmf(da.from_array(mixture()[0], chunks=(3, 5, 5, 6)))


def masked():
    """A pixel and a position that are far too bright take no part where they are masked."""
    data, maps, patterns = mixture()
    data[..., 4, 5] = 1e5 * np.random.default_rng(1).random((9, 10))
    data[4, 4] = 1e5
    pixels, positions = np.zeros((5, 6), bool), np.zeros((9, 10), bool)
    pixels[4, 5], positions[4, 4] = True, True
    found = _view(data).prepare(detector_mask=pixels, scan_mask=positions).nmf(2, random_state=0)
    pairs = ((found.maps, maps, positions), (found.patterns, patterns, pixels))
    return all(alike(one[:, ~mask], true[:, ~mask], 0.9) for one, true, mask in pairs)


def best_of_several():
    one, best = (_view(_counts()).nmf(3, n_starts=n, init="random", random_state=0) for n in (1, 4))
    return best.loss <= one.loss * (1 + 1e-6)


def sparse():
    """A constraint makes components sparse."""
    data = mixture()[0] + 0.1
    sparse, plain = (_view(data).nmf(2, random_state=0, constraints=one) for one in (constraints.Sparse(0.6), []))
    return (sparse.patterns == 0).sum() > (plain.patterns == 0).sum()


def own_constraint():
    """Components are zero where a rule of one's own says so."""

    class UpperHalf(constraints.Constraint):
        on = "patterns"

        def project(self, A):
            return np.where(np.arange(A.shape[1]) < 15, A, 0)

    found = _view().nmf(2, random_state=0, constraints=UpperHalf())
    return (found.patterns.reshape(2, 30)[:, 15:] == 0).all() and found.patterns.max() > 0


def merged(consensus=False):
    film = _film()
    found = Unmix(film.data, centre=film.centre).merge_nmf(6, n_runs=3, random_state=0)
    if not consensus:
        return found.k < 6 and alike(found.maps, film.maps, 0.9)
    return alike(found.consensus().maps, film.maps, 0.9)


def disks():
    """Of vectors of a host where there is one; without, the call refuses for that reason only."""
    try:
        film = _film()
        view = Unmix(film.to_py4dstem()).bragg_disks(disk_radius=2)
    except ImportError:
        return named("bragg_disks", Unmix)
    return view.is_features and view.nmf(2, random_state=0).k == 2


def held_out():
    """Two components explain held-out counts better than one."""
    fit, rest = _view(_counts()).split_counts(random_state=0)
    one, two = (fit.nmf(k, random_state=0).log_likelihood(rest) for k in (1, 2))
    return two > one


def recommended():
    found = _view(_counts()).choose_k([1, 2, 3], random_state=0)
    return found.recommended == 2 and found.reasons


def elbow():
    return _view(_counts()).scree(6).elbow == 2


def rotated():
    """One crystal in many orientations becomes one group."""
    film = phantoms.rotated_phases(n_phases=1, scan_shape=(4, 4), detector_shape=(64, 64), dose=3e3, seed=0)
    return (Unmix(film.data, centre=film.centre).group_rotated(1).orientation()[1] == 0).all()


def grains():
    maps, patterns = blobs()
    data = np.random.default_rng(0).poisson(50 * np.einsum("kij,kab->ijab", maps, patterns)).astype(np.uint16)
    found = _view(data).nmf(2, random_state=0).grains(min_size=5)
    return len(found) == 3


def _called(words):
    return lambda: named(words, Unmix)


ROWS = {
    "SVD or PCA": svd_and_pca,
    "ICA": ica,
    "NMF": _nmf,
    "NMF of a scan that stays on disk": on_disk,
    "several starts, the best kept": best_of_several,
    "masks of detector and positions in NMF": masked,
    "weights for counting noise": lambda: _nmf(_counts(), weights="poisson"),
    "Kullback-Leibler objective": lambda: _nmf(_counts(), objective="kl"),
    "your own constraints in NMF": own_constraint,
    "sparse components": sparse,
    "vertex components (VCA)": lambda: alike(_view().vca(2, random_state=0).patterns, mixture()[2]),
    "merging of components": merged,
    "consensus of many runs": lambda: merged(consensus=True),
    "NMF of Bragg disks": disks,
    "classes of disks that occur together": _called("bragg_classes"),
    "fuzzy c-means": lambda: _view(_film().data).fuzzy_cmeans(3, random_state=0).k == 3,
    "other clusterings: k-means, mixtures": _called("kmeans mixture"),
    "maximum-likelihood and robust PCA": _called("mlpca robust"),
    "blind separation on derivatives": lambda: "diff_order" in arguments(Unmix.ica),
    "likelihood of held-out counts": held_out,
    "a recommended number of components, with reasons": recommended,
    "an elbow of the scree plot": elbow,
    "rotation-aware grouping of patterns": rotated,
    "regions of a component separated": grains,
    "disk detection, strain, orientation mapping of every pattern": _called("strain"),
}
