"""The papers to cite, each as a tuple of lines: a method puts together those of what it used, `FIELD` comes last."""

from __future__ import annotations

__all__ = [
    "CONTRAST", "FIELD", "FUZZY", "HALS", "ICA", "KESSEL", "KIMOTO", "KL", "KRYLOV", "MERGING", "NNDSVD", "VCA", "WEIGHTS",
]  # fmt: skip

KRYLOV = ("C. Musco and C. Musco, Advances in Neural Information Processing Systems 28 (2015) (the block Krylov method)",)
HALS = ("A. Cichocki and A.-H. Phan, IEICE Trans. Fundamentals E92-A (2009) 708 (the algorithm, HALS)",)
KIMOTO = ("K. Kimoto et al. (2025), constrained non-negative matrix factorisation of 4D-STEM data (the algorithm)",)
NNDSVD = ("C. Boutsidis and E. Gallopoulos, Pattern Recognition 41 (2008) 1350 (the NNDSVD start)",)
WEIGHTS = ("M. R. Keenan and P. G. Kotula, Surf. Interface Anal. 36 (2004) 203 (weights for counting noise)",)
VCA = (
    "J. M. P. Nascimento and J. M. Bioucas-Dias, IEEE Trans. Geosci. Remote Sens. 43 (2005) 898 (vertex components)",
    "N. Nadisic, N. Gillis and C. Kervazo, arXiv:2110.05528 (corners as the mean of several positions)",
)
ICA = ("A. Hyvarinen and E. Oja, Neural Networks 13 (2000) 411 (FastICA)",)
KL = ("D. D. Lee and H. S. Seung, Nature 401 (1999) 788 (the divergence and its updates)",)
MERGING = (
    "A. Bruefach, C. Ophus and M. C. Scott, Microsc. Microanal. 28 (2022) 1998, doi:10.1017/S1431927622012259 (merging)",
    "A. Bruefach, C. Ophus and M. C. Scott, APL Mach. Learn. 1 (2023) 016106, doi:10.1063/5.0130546 (consensus of runs)",
    "N. Gillis and S. A. Vavasis, IEEE Trans. Pattern Anal. Mach. Intell. 36 (2014) 698 (starts at pure positions)",
    *HALS,
)
FUZZY = ("J. C. Bezdek, R. Ehrlich and W. Full, Comput. Geosci. 10 (1984) 191, doi:10.1016/0098-3004(84)90020-7 (c-means)",)
KESSEL = (
    "D. Gustafson and W. Kessel, Proc. IEEE Conf. Decision and Control (1978) 761, doi:10.1109/CDC.1978.268028 (ellipsoids)",
    "R. Babuska, P. J. van der Veen and U. Kaymak, Proc. IEEE Int. Conf. Fuzzy Systems (2002) 1081 (their stable estimate)",
)
CONTRAST = (
    "P. J. Rousseeuw, E. Trauwaert and L. Kaufman, J. Comput. Appl. Math. 64 (1995) 81 (high contrast)",
    "F. Klawonn and F. Hoeppner, Lecture Notes in Computer Science 2810 (2003) 254 (its formula)",
)
FIELD = (
    "B. H. Martineau et al., Adv. Struct. Chem. Imaging 5 (2019) 3, doi:10.1186/s40679-019-0063-3 "
    "(unsupervised learning on scanning diffraction data)",
)
