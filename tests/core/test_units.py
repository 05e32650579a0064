"""Units: one spelling, conversions, lengths given as texts."""

import pytest

from unmix4d.core.units import canonical_unit, convert, in_pixels, parse_length


@pytest.mark.parametrize(
    "given, expected",
    [
        ("A^-1", "1/Å"), ("1/A", "1/Å"), ("1 / Å", "1/Å"), ("$A^{-1}$", "1/Å"), ("Å⁻¹", "1/Å"), ("1/angstrom", "1/Å"),
        ("nm^-1", "1/nm"), ("nm-1", "1/nm"), ("1/nm", "1/nm"), ("A", "Å"), ("\u212b", "Å"), ("nm", "nm"), ("um", "µm"),
        ("µm", "µm"), ("mrad", "mrad"), (None, "px"), ("", "px"), ("pixels", "px"), ("<undefined>", "px"),
        ("furlong", "furlong"), ("1/px", "px"), ("px^-1", "px"),
    ],
)  # fmt: skip
def test_spellings(given, expected):
    assert canonical_unit(given) == expected
    assert canonical_unit(expected) == expected


def test_conversions():
    assert convert(1, "1/nm", "1/Å") == pytest.approx(0.1)
    assert convert(25, "Å", "nm") == pytest.approx(2.5)
    assert convert(1, "deg", "mrad") == pytest.approx(17.4533, rel=1e-5)
    with pytest.raises(ValueError, match="'nm' cannot be converted to '1/nm'"):
        convert(1, "nm", "1/nm")


def test_lengths_as_text():
    assert parse_length("2 nm", "x") == (2.0, "nm")
    assert parse_length(" .5e-1 A^-1", "x") == (0.05, "1/Å")
    assert in_pixels("0.5 1/Å", 0.1, "1/Å", "x") == pytest.approx(5)
    assert in_pixels("5 1/nm", 0.1, "1/Å", "x") == pytest.approx(5)
    assert in_pixels(7, 0.1, "1/Å", "x") == 7.0
    assert in_pixels("3 px", 0.1, "1/Å", "x") == 3.0


@pytest.mark.parametrize(
    "value, unit, error, message",
    [
        ("2 nm", "1/Å", ValueError, "radius = '2 nm' does not fit an axis calibrated in 1/Å"),
        ("0.1 1/Å", "px", ValueError, "not calibrated: give pixels"),
        ("wide", "1/Å", ValueError, "radius must be a number of pixels or a text"),
        (True, "1/Å", TypeError, "radius must be a number"),
        (None, "1/Å", TypeError, "radius must be a number"),
        ([1, 2], "1/Å", TypeError, "radius must be a number"),
    ],
)
def test_lengths_that_make_no_sense(value, unit, error, message):
    with pytest.raises(error, match=message):
        in_pixels(value, 0.1, unit, "radius")
