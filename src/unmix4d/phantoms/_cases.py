"""The committed tables of standard cases, `cases.json` and `dynamical_cases.json`."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from ._crystals import bent_crystal, embedded_particle
from ._dynamical_film import dynamical_film
from ._kimoto import kimoto
from ._martineau import bicrystal_in_vacuum, martineau_fig5, martineau_fig6
from ._polycrystal import polycrystal

if TYPE_CHECKING:
    from ._phantom import Phantom

BUILDERS = {
    f.__name__: f
    for f in (
        kimoto,
        martineau_fig5,
        martineau_fig6,
        bicrystal_in_vacuum,
        polycrystal,
        bent_crystal,
        embedded_particle,
        dynamical_film,
    )
}


FILES = {"kinematical": "cases.json", "dynamical": "dynamical_cases.json"}


def cases(kind: str = "kinematical") -> dict[str, dict[str, Any]]:
    """Return a table of the standard test cases.

    The values were fixed before any method was tuned on them. One number is not given in any paper, Kimoto's spot width; a
    note at the top of the file of the kinematical cases explains how it was chosen. All other parameters are the defaults of
    the builder.

    Parameters
    ----------
    kind : {"kinematical", "dynamical"}
        ``"kinematical"`` for cases whose data are maps times patterns (except with strain), ``"dynamical"`` for films that
        scatter dynamically.

    Returns
    -------
    dict
        For each name a dictionary with ``description``, ``builder``, ``parameters`` and ``seeds``; for dynamical cases also
        ``unseen_seeds``, which are never used to choose anything. A new copy is returned at each call.

    Raises
    ------
    ValueError
        If there is no such kind.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> phantoms.cases()["kimoto_A"]["parameters"]["dose"]
    10000.0
    >>> phantoms.cases("dynamical")["film_dose_100"]["parameters"]["n_grains"]
    5
    """
    if kind not in FILES:
        raise ValueError(f"kind must be one of {', '.join(FILES)}, found {kind!r}")
    text = resources.files(__package__).joinpath(FILES[kind]).read_text(encoding="utf-8")
    return json.loads(text)["cases"]


def case(name: str, seed: int | None = None) -> Phantom:
    """Build a standard test case.

    Parameters
    ----------
    name : str
        Name of the case, a key of `cases` of either kind.
    seed : int or None
        Seed of the phantom. By default the first seed of the table.

    Returns
    -------
    Phantom
        The phantom, with the name in ``settings["case"]``.

    Raises
    ------
    ValueError
        If there is no such case.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> phantoms.case("martineau_fig5").settings["case"]
    'martineau_fig5'
    """
    table = {name: entry for kind in FILES for name, entry in cases(kind).items()}
    if name not in table:
        raise ValueError(f"name must be one of {', '.join(table)}, found {name!r}")
    entry = table[name]
    # JSON has lists where the builders take tuples.
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in entry["parameters"].items()}
    builder: Any = BUILDERS[entry["builder"]]
    phantom = builder(**parameters, seed=entry["seeds"][0] if seed is None else seed)
    return dataclasses.replace(phantom, settings={**phantom.settings, "case": name})
