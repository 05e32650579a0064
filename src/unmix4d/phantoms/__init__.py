"""Simulated 4D-STEM scans with a known answer, the models of the papers among them.

Each builder returns a `Phantom`: the data, the true patterns and maps, and conversions to pyxem and py4DSTEM.
`cases` is the table of standard ones, `case` builds one of them by name.
"""

from ._antiparallel import antiparallel_domains
from ._cases import case, cases
from ._crystals import bent_crystal, embedded_particle
from ._dynamical_film import dynamical_film
from ._kimoto import kimoto
from ._martineau import bicrystal_in_vacuum, martineau_fig5, martineau_fig6
from ._phantom import Phantom
from ._polycrystal import polycrystal
from ._precession import bent_wire, martineau_fig7
from ._rotated import rotated_phases
from ._scans import large_scan, random_scan
from ._series import PhantomSeries, series

__all__ = [
    "Phantom",
    "PhantomSeries",
    "antiparallel_domains",
    "bent_crystal",
    "bent_wire",
    "bicrystal_in_vacuum",
    "case",
    "cases",
    "dynamical_film",
    "embedded_particle",
    "kimoto",
    "large_scan",
    "martineau_fig5",
    "martineau_fig6",
    "martineau_fig7",
    "polycrystal",
    "random_scan",
    "rotated_phases",
    "series",
]
