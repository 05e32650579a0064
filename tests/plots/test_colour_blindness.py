"""Colours of components are told apart by colour-blind people too, as simulated after Machado et al. (2009)."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from unmix4d.plots import colours

# Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291: severity 1.0, of linear RGB.
VISION = {
    "usual": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
TOLD = 8.5  # CIEDE2000: more than three times what is just noticed side by side


def seen(hues, vision):
    """Colours (n, 3) as this vision has them."""
    light = np.where(hues <= 0.04045, hues / 12.92, ((hues + 0.055) / 1.055) ** 2.4)
    light = np.clip(light @ np.transpose(VISION[vision]), 0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055)


def least(hues, vision):
    """The smallest difference of two colours."""
    lab = rgb2lab(seen(np.asarray(hues), vision)[None])[0].astype(np.float64)
    return (deltaE_ciede2000(lab[:, None], lab[None]) + 1e3 * np.eye(len(lab))).min()


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("k", [2, 6, 8, 12])
def test_components_and_their_background(vision, k):
    assert least(colours.component_colours(k + 1, grey=[0]), vision) > TOLD


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("palette", ["CLUSTERS", "GROUPS", "GRAINS"])
def test_palettes(vision, palette):
    hues = [colours.rgb(colour) for colour in getattr(colours, palette)]
    assert least(hues, vision) > TOLD


def test_what_is_selected_is_seen_on_light_and_dark():
    def contrast(one, other):  # of WCAG 2.1: 3 at least for what is no text
        light = [
            np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722] for c in (one, other)
        ]
        return (max(light) + 0.05) / (min(light) + 0.05)

    from unmix4d.report import panel

    for name in ("#d55e00", "#0072b2"):  # the edge of what is selected, and the ring of what the keyboard is at
        assert name in panel._STYLE
        assert min(contrast(colours.rgb(name), colours.rgb(ground)) for ground in ("#fff", "#111")) > 3


def test_as_many_as_there_are_have_hues():
    hues = colours.component_colours(40)
    assert len({tuple(np.round(255 * hue)) for hue in hues}) == 40 and least(hues, "usual") > 1.5
