"""Names, order and background of components. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..core.text import writable
from .answer import recorded
from .arguments import components_of, require_editable, which_of
from .edits import Edit

__all__ = ["background", "rename", "reorder"]

_LONGEST = 40  # characters of a name that a figure has room for; no table


def rename(result: Any, names: Mapping[int | str, str | None]) -> Any:
    """Rename components. Figures, tables, reports, host objects and files then show the names.

    Parameters
    ----------
    names : dict of int or str -> str
        The new name for the number or the current name of each component. None or an empty string removes the name.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If there is no such component, or if a name is used twice, is a number, or is longer than 40 characters.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.rename({0: "matrix", 2: "twin"}).names
    ('matrix', '1', 'twin')
    """
    if not isinstance(names, Mapping) or not names:
        raise TypeError(f'names must be a dict such as {{0: "matrix"}}, got {names!r}')
    given = {}
    for component, name in names.items():
        i = which_of(result, component, "each key of names")
        if i in given:
            raise ValueError(f"names must list each component once, got {i} more than once")
        given[i] = _checked(name)
    known = list(result.settings.get("names") or [""] * result.k)
    for i, name in given.items():
        known[i] = name
    twice = [name for name in known if name and known.count(name) > 1]
    if twice:
        raise ValueError(f"names must be different, got {twice[0]!r} twice")
    edit = Edit("rename", {"names": {str(i): name for i, name in given.items()}}, (result.k,) * 2, (result.loss,) * 2)
    return recorded(result, edit, _same(result), settings={"names": known})


def _checked(name):
    if name is None:
        return ""
    if not isinstance(name, str):
        raise TypeError(f"a name must be a string, got {name!r}")
    name = " ".join(writable(name).split())
    if len(name) > _LONGEST:
        raise ValueError(f"a name must have at most {_LONGEST} characters, got {len(name)}")
    if name.lstrip("+-").isdecimal():
        raise ValueError(f"a name must not be a number, which would be taken for that of a component, got {name!r}")
    return name


def reorder(result: Any, order: Sequence[int | str]) -> Any:
    """Change the order of the components.

    Parameters
    ----------
    order : sequence of int or str
        Numbers or names of all components in the new order: the first one becomes component 0.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If a component is missing or listed twice.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> other = result.reorder([2, 0, 1])
    >>> bool((other.maps[0] == result.maps[2]).all())
    True
    """
    entries = components_of(result, order, "order")
    if len(entries) != result.k:
        missing = sorted({*range(result.k)} - set(entries))
        raise ValueError(f"order must list all {result.k} components, but lacks {', '.join(map(str, missing))}")
    chosen = [which_of(result, one, "order") for one in (order.tolist() if isinstance(order, np.ndarray) else order)]
    origins = [(i,) for i in chosen]
    fields = {name: getattr(result, name)[chosen] for name in ("maps", "patterns", "explained")}
    if result.features is not None:
        fields["features"] = result.features[chosen]
    edit = Edit("reorder", {"order": chosen}, (result.k,) * 2, (result.loss,) * 2)
    return recorded(result, edit, origins, **fields, **result._edited_fields(origins, set()))


def background(result: Any, components: Sequence[int | str]) -> Any:
    """Mark components as background: they are kept, but excluded from labels, overlap and grains.

    Use it for the beam, an amorphous support, vacuum or a matrix. `grains` and `overlap` recognise components that are
    spread over the scan by themselves; this overrides what they find.

    Parameters
    ----------
    components : sequence of int or str
        Numbers or names of all components that are background. Pass ``[]`` if there is none.

    Returns
    -------
    Decomposition
        A new result; this one is not changed.

    Raises
    ------
    ValueError, TypeError
        If there is no such component, if one is listed twice, if all are listed, or if components have both signs.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> bool((result.background([0]).labels() != 0).all())
    True
    """
    require_editable(result, "background")
    chosen = components_of(result, components, "components", least=0)
    if len(chosen) == result.k:
        raise ValueError(f"components must leave at least one that is not a background, got all {result.k}")
    edit = Edit("background", {"components": chosen}, (result.k,) * 2, (result.loss,) * 2)
    return recorded(result, edit, _same(result), settings={"background": chosen})


def _same(result):
    return [(i,) for i in range(result.k)]
