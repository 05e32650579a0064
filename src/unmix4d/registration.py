"""``.unmix`` on the classes of the hosts, added when a host is imported, before or after this package.

Nothing here imports a host. The attribute is a descriptor without state: ``s.copy()`` of HyperSpy is shallow,
and anything kept on one signal would turn up on the other.
"""

from __future__ import annotations

import logging
import sys
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import wrapt

from .core.messages import UnmixWarning

__all__ = ["UnmixAttribute", "register", "unregister"]

# (module that defines the class, name of the class)
_TARGETS = (
    ("pyxem.signals.diffraction2d", "Diffraction2D"),
    ("pyxem.signals.polar_diffraction2d", "PolarDiffraction2D"),
    ("py4DSTEM.datacube.datacube", "DataCube"),
    ("quantem.core.datastructures.dataset4dstem", "Dataset4dstem"),
)
_NAME = "unmix"

_active = False
_hooked: set[tuple[str, str]] = set()  # wrapt cannot take a hook back, so each is made once
_told: set[str] = set()
_carriers: weakref.WeakSet = weakref.WeakSet()


class UnmixAttribute:
    """What ``.unmix`` is: a new `unmix4d.Unmix` of the object at every look, and that class on a class."""

    __slots__ = ()

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        from .views.unmix import Unmix

        return Unmix if instance is None else Unmix._of(instance)


def register() -> None:
    """Add ``.unmix`` to the classes of the hosts, now or as soon as they are imported.

    ``import unmix4d`` calls this function. Calling it again has no effect. If a class already has an attribute ``unmix``, it
    is not changed, and there is a warning.

    Examples
    --------
    >>> import unmix4d
    >>> unmix4d.register()  # done by the import already: changes nothing
    """
    global _active
    _active = True
    for module_name, class_name in _TARGETS:
        if (module_name, class_name) not in _hooked:
            _hooked.add((module_name, class_name))
            # Runs at once when the module is there already.
            wrapt.register_post_import_hook(_hook(class_name), module_name)
        elif module_name in sys.modules:
            _hook(class_name)(sys.modules[module_name])


def unregister() -> None:
    """Remove ``.unmix`` from the classes of the hosts, also from hosts that are imported later.

    Examples
    --------
    >>> import unmix4d
    >>> unmix4d.unregister()
    >>> unmix4d.register()  # and back
    """
    global _active
    _active = False
    for cls in list(_carriers):
        if _is_ours(vars(cls).get(_NAME)):
            delattr(cls, _NAME)
        _carriers.discard(cls)


def _hook(class_name: str) -> Callable[[Any], None]:
    def add(module: Any) -> None:
        # Whatever goes wrong here must not become the host's failure to import.
        try:
            if _active:
                _add_to(getattr(module, class_name))
        except Exception as error:
            name = f"{getattr(module, '__name__', module)}.{class_name}"
            reason = f"{type(error).__name__}: {error}"
            _tell(name, f"unmix4d could not add .{_NAME} to {name} ({reason}): use unmix4d.Unmix(...)")

    return add


def _add_to(cls: type) -> None:
    owners = [base for base in cls.__mro__ if _NAME in vars(base)]
    if not all(_is_ours(vars(base)[_NAME]) for base in owners):
        name = f"{cls.__module__}.{cls.__qualname__}"
        _tell(name, f"{name} has an attribute .{_NAME} already, which stays: use unmix4d.Unmix(...) instead")
        return
    # Inherited from another class that carries it, it works already. Our own of before a reload is replaced.
    if not owners or owners[0] is cls:
        setattr(cls, _NAME, UnmixAttribute())
        _carriers.add(cls)


def _is_ours(attribute: Any) -> bool:
    kind = type(attribute)
    return kind.__name__ == UnmixAttribute.__name__ and kind.__module__ == __name__


def _tell(key: str, message: str) -> None:
    """One warning for each class; where warnings are errors it is logged, since a hook must not raise."""
    if key in _told:
        return
    _told.add(key)
    try:
        warnings.warn(message, UnmixWarning, stacklevel=2)
    except UnmixWarning:
        logging.getLogger("unmix4d").warning(message)
