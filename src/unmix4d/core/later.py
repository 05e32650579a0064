"""Methods whose files are imported when they are first used, so that a first answer does not wait for all the others."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

__all__ = ["Later", "later"]


class Later:
    """A function of another file that takes its place in the class as soon as somebody asks for it.

    Parameters
    ----------
    place : callable
        Returns the module.
    name : str
        Of the function in it.
    """

    def __init__(self, place: Callable[[], Any], name: str):
        self._place, self._function = place, name
        self.wrap: Callable[[Callable], Callable] = lambda method: method  # what decorators of the class do to it

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self.name = owner, name

    def __get__(self, instance: Any, owner: type) -> Any:
        method = self.wrap(getattr(self._place(), self._function))
        setattr(self._owner, self.name, method)
        return method if instance is None else method.__get__(instance, owner)


def later(package: str, module: str, *names: str) -> Any:
    """Functions of `module`, as it is written in an import of `package`, to be bound in a class: one, or a tuple.

    Type checkers need the import itself, under ``if TYPE_CHECKING:``; a test keeps the two in step.
    """
    found = tuple(Later(lambda: importlib.import_module(module, package), name) for name in names)
    return found if len(found) > 1 else found[0]
