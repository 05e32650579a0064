"""Units of length in real and reciprocal space: one spelling each, conversions, and ``"0.12 1/Å"`` read as a number."""

from __future__ import annotations

import numbers
import re
import unicodedata

__all__ = ["PIXELS", "canonical_unit", "convert", "is_calibrated", "parse_length", "in_pixels"]

PIXELS = "px"

# Lengths in nm; reciprocal lengths in 1/nm. The hosts spell these units in many ways.
_LENGTHS = {"pm": 1e-3, "Å": 0.1, "nm": 1.0, "µm": 1e3, "mm": 1e6, "cm": 1e7, "m": 1e9}
_ANGLES = {"µrad": 1e-3, "mrad": 1.0, "rad": 1e3, "deg": 17.453292519943295}
_WORDS = {
    "Å": ("a", "å", "ang", "angstrom", "ångström", "ångstrom", "angström", "aa"),
    "pm": ("picometer", "picometre"),
    "nm": ("nanometer", "nanometre"),
    "µm": ("um", "micron", "micrometer", "micrometre"),
    "mm": ("millimeter", "millimetre"),
    "cm": ("centimeter", "centimetre"),
    "m": ("meter", "metre"),
    "µrad": ("urad", "microrad", "microradian"),
    "mrad": ("millirad", "milliradian"),
    "rad": ("radian",),
    "deg": ("°", "º", "degree"),
    # RosettaSciIO writes "1" for the axes of a DECTRIS Arina.
    PIXELS: ("", "1", "pix", "pixel", "dimensionless", "<undefined>", "none", "undefined", "unitless", "t.undefined"),
}
_SPELLINGS = {word: unit for unit, words in _WORDS.items() for word in words}
_SPELLINGS |= {unit.lower(): unit for unit in (*_LENGTHS, *_ANGLES, PIXELS) if unit != "Å"}
_MINUS = str.maketrans({"⁻": "-", "−": "-", "–": "-", "¹": "1", "μ": "µ", "\u212b": "Å"})
_RECIPROCAL = re.compile(
    r"^(?:1\s*/\s*(?P<a>[^\d\s^/*]+)|(?P<b>[^\d\s^/*]+?)\s*(?:\^|\*\*)?\s*-\s*1(?:\.0)?"
    r"|reciprocal[\s_]+(?P<c>[^\d\s^/*]+))$"
)

_WITH_NUMBER = re.compile(r"^(?P<number>\d*\.?\d+(?:e[+-]?\d+)?)\s*[*·×]?\s*(?P<unit>(?:1\s*/|[^\W\d]).*)$", re.IGNORECASE)


def canonical_unit(unit) -> str:
    """Return the canonical spelling of a unit: ``"A^-1"``, ``"1 / angstrom"`` and ``"$A^{-1}$"`` all become ``"1/Å"``.

    Unknown units are returned unchanged (stripped); None, empty and undefined units become ``"px"``.

    Raises
    ------
    ValueError
        If there is a number before a unit of length or angle, which belongs to the size.

    Examples
    --------
    >>> from unmix4d.core.units import canonical_unit
    >>> canonical_unit("A^-1"), canonical_unit("$nm^{-1}$"), canonical_unit(None)
    ('1/Å', '1/nm', 'px')
    """
    text = "" if unit is None else str(unit).strip()
    # The Ångström sign (U+212B) and the letter Å (U+00C5) look the same and are not; nor are the two letters for micro.
    plain = unicodedata.normalize("NFC", text.translate(_MINUS)).replace("\\AA", "Å")
    for mark in "${}()":
        plain = plain.replace(mark, "")
    # pyxem calls the radial axis of its azimuthal integrals k; q would be 2 pi times as much, and stays as it is.
    plain = re.sub("^k_(?=.)", "", plain.strip())
    match = _RECIPROCAL.match(plain)
    if match:
        word = next(group for group in match.groups() if group)
        found = _simple(word)
        return PIXELS if found == PIXELS else "1/" + (found or word)
    return _simple(plain) or _without_number(plain) or text


def _without_number(plain: str) -> str:
    """The unit behind a 1; "" where there is no number, or no unit that is known."""
    match = _WITH_NUMBER.match(plain)
    found = "" if match is None else canonical_unit(match["unit"])
    if match is None or _size(found) is None:
        return ""
    if float(match["number"]) != 1:
        raise ValueError(f"a unit must not contain a number, got {plain!r}: multiply the size by it, and use {found!r}")
    return found


def _simple(word: str) -> str:
    """The unit that a word means, also in the plural; "" for an unknown one."""
    if word in _LENGTHS or word in _ANGLES:
        return word
    word = word.lower()
    return _SPELLINGS.get(word) or (_SPELLINGS.get(word[:-1], "") if word.endswith("s") and len(word) > 2 else "")


def is_calibrated(unit: str) -> bool:
    """Return True unless the unit is pixels.

    Examples
    --------
    >>> from unmix4d.core.units import is_calibrated
    >>> is_calibrated("nm"), is_calibrated("px")
    (True, False)
    """
    return canonical_unit(unit) != PIXELS


def _size(unit: str) -> tuple[str, float] | None:
    if unit in _LENGTHS:
        return "length", _LENGTHS[unit]
    if unit in _ANGLES:
        return "angle", _ANGLES[unit]
    if unit.startswith("1/") and unit[2:] in _LENGTHS:
        return "reciprocal length", 1.0 / _LENGTHS[unit[2:]]
    return None


def convert(value: float, unit: str, to: str) -> float:
    """Convert a value between two units of the same kind.

    Raises
    ------
    ValueError
        If the units are of different kinds (such as a length and a reciprocal length) or unknown.

    Examples
    --------
    >>> from unmix4d.core.units import convert
    >>> round(convert(1.2, "1/nm", "1/Å"), 6)
    0.12
    """
    unit, to = canonical_unit(unit), canonical_unit(to)
    if unit == to:
        return float(value)
    here, there = _size(unit), _size(to)
    if here is None or there is None or here[0] != there[0]:
        raise ValueError(f"a length in {unit!r} cannot be converted to {to!r}")
    return float(value) * here[1] / there[1]


_QUANTITY = re.compile(r"^\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>\S.*?)\s*$")


def parse_length(text: str, name: str) -> tuple[float, str]:
    """Split ``"0.12 1/Å"`` into ``(0.12, "1/Å")``. Raise ValueError, which names `name`, if the string has another form.

    Examples
    --------
    >>> from unmix4d.core.units import parse_length
    >>> parse_length("0.12 1/Å", "radius")
    (0.12, '1/Å')
    """
    match = _QUANTITY.match(text)
    if not match:
        raise ValueError(f"{name} must be a number of pixels or a string such as '2 nm' or '0.12 1/Å', got {text!r}")
    return float(match["number"]), canonical_unit(match["unit"])


def in_pixels(value, size: float, unit: str, name: str) -> float:
    """Convert a plain number (pixels) or a string with a unit to pixels with the given `size` and `unit`.

    Raises
    ------
    TypeError
        If `value` is neither a real number nor a string.
    ValueError
        If the string cannot be read, or its unit does not fit the calibration.

    Examples
    --------
    >>> from unmix4d.core.units import in_pixels
    >>> in_pixels("2 nm", 0.5, "nm", "radius"), in_pixels(3, 0.5, "nm", "radius")
    (4.0, 3.0)
    """
    if isinstance(value, str):
        number, given = parse_length(value, name)
        if given == PIXELS:
            return number
        if not is_calibrated(unit):
            raise ValueError(f"{name} = {value!r} has a unit, but the axis is not calibrated: pass a number of pixels")
        try:
            return convert(number, given, unit) / size
        except ValueError as error:
            raise ValueError(f"{name} = {value!r} does not fit an axis calibrated in {unit}") from error
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number of pixels or a string with a unit, got {type(value).__name__}")
    return float(value)
