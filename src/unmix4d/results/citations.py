"""What to cite for a result."""

from __future__ import annotations

__all__ = ["papers"]

_KRYLOV = "C. Musco and C. Musco, Advances in Neural Information Processing Systems 28 (2015) (the block Krylov method)"
_HALS = "A. Cichocki and A.-H. Phan, IEICE Trans. Fundamentals E92-A (2009) 708 (the algorithm, HALS)"
_KIMOTO = "K. Kimoto et al. (2025), constrained non-negative matrix factorisation of 4D-STEM data (the algorithm)"
_NNDSVD = "C. Boutsidis and E. Gallopoulos, Pattern Recognition 41 (2008) 1350 (the NNDSVD start)"
_WEIGHTS = "M. R. Keenan and P. G. Kotula, Surf. Interface Anal. 36 (2004) 203 (weights for counting noise)"
_VCA = [
    "J. M. P. Nascimento and J. M. Bioucas-Dias, IEEE Trans. Geosci. Remote Sens. 43 (2005) 898 (vertex components)",
    "N. Nadisic, N. Gillis and C. Kervazo, arXiv:2110.05528 (corners as the mean of several positions)",
]
_ICA = "A. Hyvarinen and E. Oja, Neural Networks 13 (2000) 411 (FastICA)"
_KL = "D. D. Lee and H. S. Seung, Nature 401 (1999) 788 (the divergence and its updates)"
_MERGING = [
    "A. Bruefach, C. Ophus and M. C. Scott, Microsc. Microanal. 28 (2022) 1998, doi:10.1017/S1431927622012259 (merging)",
    "A. Bruefach, C. Ophus and M. C. Scott, APL Mach. Learn. 1 (2023) 016106, doi:10.1063/5.0130546 (consensus of runs)",
    "N. Gillis and S. A. Vavasis, IEEE Trans. Pattern Anal. Mach. Intell. 36 (2014) 698 (starts at pure positions)",
    _HALS,
]
_FUZZY = "J. C. Bezdek, R. Ehrlich and W. Full, Comput. Geosci. 10 (1984) 191, doi:10.1016/0098-3004(84)90020-7 (c-means)"
_KESSEL = [
    "D. Gustafson and W. Kessel, Proc. IEEE Conf. Decision and Control (1978) 761, doi:10.1109/CDC.1978.268028 (ellipsoids)",
    "R. Babuska, P. J. van der Veen and U. Kaymak, Proc. IEEE Int. Conf. Fuzzy Systems (2002) 1081 (their stable estimate)",
]
_CONTRAST = [
    "P. J. Rousseeuw, E. Trauwaert and L. Kaufman, J. Comput. Appl. Math. 64 (1995) 81 (high contrast)",
    "F. Klawonn and F. Hoeppner, Lecture Notes in Computer Science 2810 (2003) 254 (its formula)",
]
_FIELD = (
    "B. H. Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, doi:10.1186/s40679-019-0063-3 "
    "(unsupervised learning on scanning diffraction data)"
)


def papers(method: str, settings: dict) -> list:
    """References for a method with these settings, the most particular first.

    Parameters
    ----------
    method : str
    settings : dict
        Of the result.

    Returns
    -------
    list of str
    """
    special = {"nmf": _of_nmf, "fuzzy_cmeans": _of_clusters}
    return [*(special[method](settings) if method in special else _OTHERS.get(method, [])), _FIELD]


_OTHERS = {"svd": [_KRYLOV], "pca": [_KRYLOV], "ica": [_ICA, _KRYLOV], "vca": [*_VCA, _KRYLOV], "merge_nmf": _MERGING}


def _of_nmf(settings):
    kl = settings.get("objective") == "kl"
    yield _KL if kl else _KIMOTO if settings.get("constraints") else _HALS
    if settings.get("init") == "nndsvd":
        yield _NNDSVD
    if settings.get("init") == "vca" or settings.get("n_starts", 1) > 1:
        yield from _VCA
    if settings.get("weights", "none") != "none":
        yield _WEIGHTS
    if not kl:
        yield _KRYLOV


def _of_clusters(settings):
    yield _FUZZY
    if settings.get("covariance") == "gustafson-kessel":
        yield from _KESSEL
    if settings.get("contrast") is not None:
        yield from _CONTRAST
    yield _KRYLOV
