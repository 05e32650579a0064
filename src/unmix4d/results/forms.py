"""What a field of an answer is in a file: its JSON and its arrays, what these must be, and the way back.

Every kind of field writes what stands in the head, says which arrays that claims, and reads the value again. Nothing of a
file is believed: types and shapes are compared before an array is read, values by the answer itself (`savable`).
"""

from __future__ import annotations

import math
from collections import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..storage.result_file import Claim

__all__ = [
    "COUNT", "SETTINGS", "Arrays", "Field", "Json", "Listing", "Mapping", "Record", "are", "are_counts",
    "are_numbers", "finite", "is_number", "is_real", "is_tree", "plain", "require", "within",
]  # fmt: skip


def require(condition: Any, what: str) -> None:
    """Refuse what stands behind a right checksum and cannot be."""
    if not condition:
        raise ValueError(f"{what} in it cannot be one")


def are(kind: type, values: Any) -> bool:
    """Whether these are all of a type."""
    return isinstance(values, (list, tuple)) and all(isinstance(value, kind) for value in values)


def are_counts(values: Any, least: int = 0) -> bool:
    """Whether this is a list of whole numbers of at least that."""
    return isinstance(values, list) and all(type(value) is int and value >= least for value in values)


def are_numbers(values: Any, n: int | None = None) -> bool:
    """Whether this is a list of (so many) finite numbers."""
    return isinstance(values, (list, tuple)) and n in (None, len(values)) and all(map(is_number, values))


def is_number(value: Any) -> bool:
    """Whether this is one finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def is_real(value: Any) -> bool:
    """Whether this is one number; NaN is one."""
    return type(value) in (int, float)


def finite(value: Any) -> bool:
    """Whether no number in this is NaN."""
    if isinstance(value, dict):
        return all(map(finite, value.values()))
    if isinstance(value, list):
        return all(map(finite, value))
    return value == value


def within(values: np.ndarray, n: int, least: int = -1) -> bool:
    """Whether all of these are numbers below n; from -1, which is none, by default."""
    return not values.size or (values.min() >= least and values.max() < n)


def is_tree(linkage: np.ndarray) -> bool:
    """Whether SciPy would draw this tree."""
    from scipy.cluster.hierarchy import is_valid_linkage

    n = len(linkage) + 1
    # SciPy before 1.14 does not look at these.
    known = linkage[:, :2] < (n + np.arange(len(linkage)))[:, None]
    small = not (~known & ~np.isnan(linkage[:, :2])).any() and not (linkage[:, 3] > n).any()
    return not len(linkage) or (small and is_valid_linkage(linkage))


def plain(value: Any) -> Any:
    """In JSON types; what has none is its text."""
    if isinstance(value, abc.Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


class Field(Protocol):
    """A kind of field; `name` is where its arrays are in the file."""

    def write(self, value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
        """What stands in the head; its arrays are put into `arrays`."""

    def claims(self, told: Any, name: str, sizes: dict, shapes: dict) -> dict[str, Claim]:
        """The arrays that the head claims, and what they must be."""

    def read(self, told: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
        """The value."""

    def linked(self, value: Any, link: Callable[[Any], Any]) -> Any:
        """The value with a scan behind the decompositions in it."""


class _Unlinked:
    def linked(self, value: Any, link: Callable[[Any], Any]) -> Any:
        return value


@dataclass(frozen=True)
class Json(_Unlinked):
    """What is JSON already; `good` says whether it can be what it should, `make` makes it of that."""

    good: Callable[[Any], Any]
    make: Callable[[Any], Any] = staticmethod(lambda value: value)

    def write(self, value, name, arrays):
        return plain(value)

    def claims(self, told, name, sizes, shapes):
        require(self.good(told), name)
        return {}

    def read(self, told, name, arrays):
        return self.make(told)


SETTINGS = Json(lambda told: isinstance(told, dict))
COUNT = Json(lambda told: are_counts([told]))


@dataclass(frozen=True)
class Arrays(_Unlinked):
    """An array of a kind of numbers (NumPy's letters) and a shape in words of the sizes; None: any shape."""

    kinds: str
    shape: tuple[str, ...] | None = None
    optional: bool = False

    def write(self, value, name, arrays):
        if value is None:
            return False
        arrays[name] = value
        return True

    def claims(self, told, name, sizes, shapes):
        require(told is True or (told is False and self.optional), name)
        shape = None if self.shape is None else tuple(n for word in self.shape for n in sizes[word])
        return {name: Claim(shape, self.kinds)} if told else {}

    def read(self, told, name, arrays):
        return arrays[name] if told else None


@dataclass(frozen=True)
class Mapping:
    """A dict with keys of one type (text or whole numbers) to values of one kind."""

    keys: type
    of: Field

    def write(self, value, name, arrays):
        entries = enumerate(value.items())
        return [[plain(key), self.of.write(entry, f"{name}.{i}", arrays)] for i, (key, entry) in entries]

    def claims(self, told, name, sizes, shapes):
        require(isinstance(told, list) and all(isinstance(one, list) and len(one) == 2 for one in told), name)
        require(all(type(key) is self.keys for key, _ in told) and len({key for key, _ in told}) == len(told), name)
        found = {}
        for i, (_, one) in enumerate(told):
            found |= self.of.claims(one, f"{name}.{i}", sizes, shapes)
        return found

    def read(self, told, name, arrays):
        return {key: self.of.read(one, f"{name}.{i}", arrays) for i, (key, one) in enumerate(told)}

    def linked(self, value, link):
        return {key: self.of.linked(one, link) for key, one in value.items()}


@dataclass(frozen=True)
class Listing(_Unlinked):
    """A tuple of values of one kind."""

    of: Field

    def write(self, value, name, arrays):
        return [self.of.write(entry, f"{name}.{i}", arrays) for i, entry in enumerate(value)]

    def claims(self, told, name, sizes, shapes):
        require(isinstance(told, list), name)
        found = {}
        for i, one in enumerate(told):
            found |= self.of.claims(one, f"{name}.{i}", sizes, shapes)
        return found

    def read(self, told, name, arrays):
        return tuple(self.of.read(one, f"{name}.{i}", arrays) for i, one in enumerate(told))


@dataclass(frozen=True)
class Record(_Unlinked):
    """A dataclass of fields; None where it may be left out."""

    kind: type
    fields: dict[str, Field]
    optional: bool = False

    def write(self, value, name, arrays):
        if value is None:
            return None
        return {part: one.write(getattr(value, part), f"{name}.{part}", arrays) for part, one in self.fields.items()}

    def claims(self, told, name, sizes, shapes):
        if told is None and self.optional:
            return {}
        require(isinstance(told, dict) and told.keys() == self.fields.keys(), name)
        found = {}
        for part, one in self.fields.items():
            found |= one.claims(told[part], f"{name}.{part}", sizes, shapes)
        return found

    def read(self, told, name, arrays):
        if told is None:
            return None
        return self.kind(**{part: one.read(told[part], f"{name}.{part}", arrays) for part, one in self.fields.items()})
