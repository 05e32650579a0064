"""How many components: what speaks for each number, and one recommendation with its reasons.

Numbers only, from a `PatternMatrix` and factorisations of it. `Unmix.choose_k` puts them together.
"""

from .cao2025 import Cao2025, cao2025
from .checkpoint import ChooseKCheckpoint
from .decision import RULES, Choice, decide
from .knee import REACH, loss_knee, region_of_interest
from .run import Evidence, HeldOut, compared, compressed_for, held_out_gains, weigh
from .votes import CRITERIA, votes_of

__all__ = [
    "CRITERIA", "REACH", "RULES", "Cao2025", "Choice", "ChooseKCheckpoint", "Evidence", "HeldOut", "cao2025", "compared",
    "compressed_for", "decide", "held_out_gains", "loss_knee", "region_of_interest", "votes_of", "weigh",
]  # fmt: skip
