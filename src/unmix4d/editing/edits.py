"""The record of edits of a result: calls, their arguments, and their effect on the fit."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..results.forms import are_counts, is_number, require

__all__ = ["CALLS", "Edit", "Edits", "edits_of", "require_edits"]

CALLS = ("merge", "split", "drop", "rename", "reorder", "background", "replace", "refit")
_MOST, _MOST_PIXELS = 10_000, 1 << 26  # edits of one answer, pixels of one pattern: more is a file made to keep one busy


@dataclass(frozen=True)
class Edit:
    """Record of one edit.

    Attributes
    ----------
    call : str
        Name of the method: ``"merge"``, ``"split"``, ...
    arguments : dict
        Arguments of the call, in JSON types.
    components : (int, int)
        Number of components before and after the edit.
    loss : (float, float)
        Mean squared error before and after the edit; NaN if no data were read.
    where : float
        Mean squared error after the edit divided by that before, at the positions where the edited components are the
        strongest; NaN if it is not known.

    Examples
    --------
    >>> from unmix4d import Unmix, phantoms
    >>> result = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> result.rename({0: "matrix"}).edits[0].code
    "rename({0: 'matrix'})"
    """

    call: str
    arguments: dict
    components: tuple[int, int]
    loss: tuple[float, float]
    where: float = math.nan

    @property
    def code(self) -> str:
        """The edit as a line of code; a given pattern is replaced by its shape."""
        first, *more = self.arguments.items()
        told = [_word(self.call, first[1]), *(f"{name}={_word(name, value)}" for name, value in more)]
        return f"{self.call}({', '.join(told)})" if first[0] != "n_iter" else f"refit({_named(self.arguments)})"

    def __str__(self):
        before, after = self.components
        many = f"{before} -> {after} components" if before != after else f"{after} components"
        there = "" if math.isnan(self.where) else f"; {self.where:.3g} times where it was"
        return f"{self.code}: {many}, {_losses(*self.loss)}{there}"

    def to_json(self) -> dict[str, Any]:
        """Return the edit in JSON types, without NaN.

        Examples
        --------
        >>> from unmix4d import Edit
        >>> Edit("background", {"components": [0]}, (3, 3), (1.0, 1.0)).to_json()["where"] is None
        True
        """
        told = {"call": self.call, "arguments": self.arguments, "components": list(self.components)}
        return {**told, "loss": [_or_none(value) for value in self.loss], "where": _or_none(self.where)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Edit:
        """Return an edit from the output of `to_json`.

        Examples
        --------
        >>> from unmix4d import Edit
        >>> edit = Edit("background", {"components": [0]}, (3, 3), (1.0, 1.0))
        >>> Edit.from_json(edit.to_json()).code
        'background([0])'
        """
        loss, where = tuple(map(_or_nan, told["loss"])), _or_nan(told["where"])
        return cls(told["call"], told["arguments"], tuple(told["components"]), loss, where)  # type: ignore[arg-type]


class Edits(Sequence):
    """Edits of a result in their order: a sequence of `Edit` whose slices can be replayed.

    Parameters
    ----------
    edits : iterable of Edit
        The edits, first one first.

    Examples
    --------
    >>> import unmix4d
    >>> from unmix4d import Unmix, phantoms
    >>> raw = Unmix(phantoms.random_scan(shape=(6, 8, 10, 20), k=3, seed=0).data).nmf(3, random_state=0)
    >>> edited = raw.rename({0: "matrix"}).reorder([2, 0, 1])
    >>> edited.edits.code
    "r.rename({0: 'matrix'}).reorder([2, 0, 1])"
    >>> unmix4d.replay(edited.edits, raw).names
    ('0', 'matrix', '2')
    """

    def __init__(self, edits: Iterable[Edit] = ()) -> None:
        self._edits = tuple(edits)

    def __len__(self) -> int:
        return len(self._edits)

    def __getitem__(self, key: Any) -> Any:
        return Edits(self._edits[key]) if isinstance(key, slice) else self._edits[key]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Edits) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    @property
    def code(self) -> str:
        """All edits as one chain of calls, to copy into a cell."""
        return "r" + "".join(f".{edit.code}" for edit in self)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the edits in JSON types, as `unmix4d.replay` accepts them.

        Examples
        --------
        >>> from unmix4d import Edit, Edits
        >>> Edits([Edit("background", {"components": [0]}, (3, 3), (1.0, 1.0))]).to_json()[0]["call"]
        'background'
        """
        return [edit.to_json() for edit in self]

    def __repr__(self) -> str:
        return "\n".join([f"<Edits: {len(self)}>", *(f"  {i}  {edit}" for i, edit in enumerate(self))])


def edits_of(settings: dict[str, Any]) -> Edits:
    """Return the edits that are recorded in the settings of a result."""
    return Edits(map(Edit.from_json, settings.get("edits", ())))


def as_edits(edits: Any) -> Edits:
    """Return `Edits` from `Edits`, a list of `Edit`, or the output of their ``to_json``."""
    if isinstance(edits, (str, bytes, dict)) or not isinstance(edits, Iterable):
        raise TypeError(f"edits must be the record of a result, result.edits, got {type(edits).__name__}")
    entries = list(edits)
    if any(not isinstance(one, (Edit, dict)) for one in entries):
        raise TypeError("edits must be the record of a result, result.edits, got a list of something else")
    told = [one.to_json() if isinstance(one, Edit) else one for one in entries]
    try:
        require_edits({"edits": told}, None)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"edits must be the record of a result, result.edits, but {error}") from None
    return Edits(map(Edit.from_json, told))


def require_edits(settings: dict[str, Any], k: int | None) -> None:
    """Raise ValueError if names, background or edits of a file cannot be those of k components."""
    edits = settings.get("edits", [])
    require(isinstance(edits, list) and len(edits) <= _MOST and all(map(_is_edit, edits)), "an edit")
    if k is None:
        return
    names, background = settings.get("names", [""] * k), settings.get("background", [])
    require(isinstance(names, list) and len(names) == k and all(isinstance(one, str) for one in names), "the names")
    require(are_counts(background) and len(set(background)) == len(background), "the background")
    require(all(i < k for i in background), "the background")


def _is_edit(told):
    return (
        isinstance(told, dict)
        and told.keys() == {"call", "arguments", "components", "loss", "where"}
        and told["call"] in CALLS
        and isinstance(told["arguments"], dict)
        and len(told["arguments"]) > 0
        and are_counts(told["components"], 1)
        and len(told["components"]) == 2
        and isinstance(told["loss"], list)
        and len(told["loss"]) == 2
        and all(value is None or is_number(value) for value in (*told["loss"], told["where"]))
    )


def packed_pattern(pattern: np.ndarray) -> dict[str, Any]:
    """Return an array in JSON types."""
    text = base64.b64encode(zlib.compress(np.ascontiguousarray(pattern, "<f8").tobytes())).decode("ascii")
    return {"shape": list(pattern.shape), "data": text}


def unpacked_pattern(told: Any) -> Any:
    """Return the array from `packed_pattern`. Raise ValueError if it is something else."""
    shape: Any = told.get("shape") if isinstance(told, dict) else None
    if (
        not are_counts(shape, 1)
        or len(shape) != 2
        or math.prod(shape) > _MOST_PIXELS
        or not isinstance(told.get("data"), str)
    ):
        raise ValueError("the pattern of replace in edits must be one that was recorded")
    size, reader = 8 * math.prod(shape), zlib.decompressobj()
    try:
        data = reader.decompress(base64.b64decode(told["data"], validate=True), size + 1)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"the pattern of replace in edits is damaged ({error})") from None
    if len(data) != size:
        raise ValueError("the pattern of replace in edits is damaged")
    return np.frombuffer(data, "<f8").reshape(shape)


def _word(name, value):
    """An argument as one types it."""
    if isinstance(value, dict) and value.keys() == {"shape", "data"}:
        return f"<pattern {' x '.join(map(str, value['shape']))}>"
    if name == "rename":
        return "{" + ", ".join(f"{key}: {text!r}" for key, text in value.items()) + "}"
    if name == "constraints":
        return "[" + ", ".join(_constraint(one) for one in value) + "]"
    return repr(value)


def _constraint(told):
    return f"{told['name']}({', '.join(f'{name}={value!r}' for name, value in told.items() if name != 'name' and value)})"


def _named(arguments):
    return ", ".join(f"{name}={_word(name, value)}" for name, value in arguments.items())


def _losses(before, after):
    if math.isnan(before) or math.isnan(after):
        return "loss not known"
    if before == after:
        return f"loss {after:.6g}"
    change = f" ({100 * (after / before - 1):+.3g} %)" if before > 0 else ""
    return f"loss {before:.6g} -> {after:.6g}{change}"


def _or_none(value):
    return float(value) if math.isfinite(value) else None


def _or_nan(value):
    return math.nan if value is None else float(value)
