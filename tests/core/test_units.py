"""Units: one spelling, conversions, lengths given as texts."""

import numpy as np
import pytest

from unmix4d import Unmix
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
        ("0.1 1/Å", "px", ValueError, "not calibrated: pass a number of pixels"),
        ("wide", "1/Å", ValueError, "radius must be a number of pixels or a string"),
        (True, "1/Å", TypeError, "radius must be a number"),
        (None, "1/Å", TypeError, "radius must be a number"),
        ([1, 2], "1/Å", TypeError, "radius must be a number"),
    ],
)
def test_lengths_that_make_no_sense(value, unit, error, message):
    with pytest.raises(error, match=message):
        in_pixels(value, 0.1, unit, "radius")


@pytest.mark.parametrize(
    "unit, spellings",
    [
        ("mrad", ["mrads", "mRad", "MRAD", "millirad", "milliradian", "milliradians"]),
        ("1/nm", ["nm**-1", "k_nm^-1", "nm ** -1", "nanometer ** -1", "1 / nanometers", "nm^(-1)", "(nm)^-1", "1/(nm)",
                  "nm⁻¹", "nm−1", "nm**-1.0", "reciprocal_nanometer"]),
        ("1/Å", ["Ångström^-1", "A\u030a^-1", "k_A^-1", "1/\u212b", "$\\AA^{-1}$", "Å**-1", "1 / Ångströms"]),
        ("m", ["meters", "metre", "Meter"]),
        ("nm", ["nanometers", "Nanometre", "NM"]),
        ("µm", ["micrometer", "micrometers", "\u03bcm", "\u00b5m", "um"]),
        ("1/µm", ["1/\u03bcm", "um^-1"]),
        ("cm", ["cm", "centimeter"]),
        ("deg", ["Degrees", "º"]),
        ("px", ["1", "t.undefined", "unitless", "1/pixels"]),
    ],
)  # fmt: skip
def test_spellings_of_readers(unit, spellings):
    assert {spelling: canonical_unit(spelling) for spelling in spellings} == dict.fromkeys(spellings, unit)


@pytest.mark.parametrize("unit", ["ms", "as", "s", "V", "2th_deg", "nm^-2", "1/nm^2", "counts", "foo bar", "1/", "k_", "-1"])
def test_what_is_no_length_stays_as_it_is(unit):
    """Nothing is cut off that may mean something: q_nm^-1 is 2 pi times k_nm^-1."""
    assert canonical_unit(f" {unit} ") == unit
    assert canonical_unit("q_nm^-1") not in ("1/nm", "px")


@pytest.mark.parametrize("unit", ["0.1 nm^-1", "10 nm", "0.1 1/nm", "1e3*Å", ".5 mrad", "10Å"])
def test_a_number_in_a_unit_belongs_to_the_size(unit):
    with pytest.raises(ValueError, match="must not contain a number, got .* multiply the size by it, and use"):
        canonical_unit(unit)
    with pytest.raises(ValueError, match="must not contain a number"):
        Unmix(np.ones((2, 3, 4, 5)), pixel_size=0.2, pixel_unit=unit)


def test_a_one_changes_nothing():
    assert canonical_unit("1 nm") == "nm" and canonical_unit("1 1/Å") == "1/Å" and canonical_unit("2 theta") == "2 theta"
