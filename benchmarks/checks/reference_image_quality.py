"""GMSD and MDSI of seeded images as `piq` computes them: makes tests/reference/image_quality_piq.json.

Needs torch and piq 0.8 (``pip install torch piq``), which are in no extra of this package::

    python benchmarks/checks/reference_image_quality.py

The images are made by `images` from a seed, so that only the values are stored.
"""

import importlib.metadata
import importlib.util
import json
import sys
import types
import warnings
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parents[2] / "tests" / "reference" / "image_quality_piq.json"
# Even, odd, of both kinds, large enough to be averaged first (from 384 pixels), and by an odd factor (640).
SHAPES = [(32, 32), (33, 32), (31, 47), (128, 128), (390, 401), (640, 645)]
PAIRS = ["noise", "noisy_copy", "darker_copy", "spots", "shifted_spots"]


def images(kind, shape, seed):
    """A pair of images (rows, cols) in [0, 1] of one of `PAIRS`; the same on every machine to double precision."""
    rng = np.random.default_rng(seed)
    first, second = rng.random(shape), rng.random(shape)
    if kind == "noise":
        return first, second
    if kind == "noisy_copy":
        return first, np.clip(first + 0.1 * (second - 0.5), 0, 1)
    if kind == "darker_copy":
        return first, first / 2
    spots = [_spots(shape, np.random.default_rng(seed), shift) for shift in (0, 1.5 if kind == "shifted_spots" else 0)]
    return spots[0], np.clip(spots[1] + 0.02 * second, 0, 1)


def _spots(shape, rng, shift):
    rows, cols = np.indices(shape)
    image = np.zeros(shape)
    for row, col, height in zip(rng.random(12) * shape[0], rng.random(12) * shape[1], rng.random(12)):
        image += height * np.exp(-((rows - row - shift) ** 2 + (cols - col) ** 2) / 8)
    return np.clip(image, 0, 1)


def _metrics():
    """The two functions, without the rest of piq, whose other metrics need a torchvision that fits torch."""
    package = types.ModuleType("piq")
    package.__path__ = importlib.util.find_spec("piq").submodule_search_locations
    sys.modules["piq"] = package
    return {name: getattr(importlib.import_module(f"piq.{name}"), name) for name in ("gmsd", "mdsi")}


def main():
    import torch

    metrics = _metrics()
    warnings.filterwarnings("ignore", "The original MDSI supports only RGB")
    rows = []
    for shape in SHAPES:
        for seed, kind in enumerate(PAIRS):
            pair = [torch.tensor(image)[None, None] for image in images(kind, shape, seed)]
            values = {name: float(f(*pair, data_range=1.0)) for name, f in metrics.items()}
            rows.append({"kind": kind, "shape": list(shape), "seed": seed, **values})
    versions = {"piq": importlib.metadata.version("piq"), "torch": torch.__version__}
    answer = {"made_by": "benchmarks/checks/reference_image_quality.py", **versions, "precision": "double", "pairs": rows}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} pairs in {OUT.name}")


if __name__ == "__main__":
    main()
