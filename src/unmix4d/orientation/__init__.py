"""Indexing of component patterns with the matchers of pyxem and py4DSTEM, applied to the scan through the maps."""

from .cif import crystal_from_cif
from .compare import compare_orientations
from .map_export import load_orientation_map, save_orientation_map
from .merge import merge_orientations
from .record import Candidate, Match, Rival
from .second_tilt import decided_by_tilt
from .sources import Painting
from .symmetry import laue_rotations, mean_orientation, misorientation_deg

__all__ = [
    "Candidate", "Match", "Painting", "Rival", "compare_orientations", "crystal_from_cif", "decided_by_tilt",
    "laue_rotations", "load_orientation_map", "mean_orientation", "merge_orientations", "misorientation_deg",
    "save_orientation_map",
]  # fmt: skip
