"""The committed table of standard cases, `cases.json`."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

from ._crystals import bent_crystal, embedded_particle
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
    )
}


def cases() -> dict[str, dict[str, Any]]:
    """The table of standard cases.

    The values were fixed before any method was tuned on them; the note at the head of the file says how the one
    number that no paper gives (Kimoto's spot width) was chosen. Parameters that a case does not name are the
    builder's defaults.

    Returns
    -------
    dict
        Name to a dict with ``description``, ``builder``, ``parameters`` and ``seeds``; a fresh copy at each
        call.

    Examples
    --------
    >>> from unmix4d import phantoms
    >>> phantoms.cases()["kimoto_A"]["parameters"]["dose"]
    10000.0
    """
    text = resources.files(__package__).joinpath("cases.json").read_text(encoding="utf-8")
    return json.loads(text)["cases"]


def case(name: str, seed: int | None = None) -> Phantom:
    """Build a standard case.

    Parameters
    ----------
    name : str
        A key of `cases`.
    seed : int or None
        None: the first seed of the table.

    Returns
    -------
    Phantom
        With the name in ``settings["case"]``.

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
    table = cases()
    if name not in table:
        raise ValueError(f"name must be one of {', '.join(table)}, found {name!r}")
    entry = table[name]
    # JSON has lists where the builders take tuples.
    parameters = {k: tuple(v) if isinstance(v, list) else v for k, v in entry["parameters"].items()}
    builder: Any = BUILDERS[entry["builder"]]
    phantom = builder(**parameters, seed=entry["seeds"][0] if seed is None else seed)
    return dataclasses.replace(phantom, settings={**phantom.settings, "case": name})
