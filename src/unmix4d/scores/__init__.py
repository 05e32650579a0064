"""Scores of a result against a known truth.

Components come in no particular order and in no particular number, so they are matched to the true ones
first (Hungarian assignment, each found component used once); a true component without a partner scores 0.
Entries that are NaN (excluded pixels or positions) are left out on both sides.
"""

from .dissimilarity import dissimilarity, matrix_dissimilarity
from .grains import GrainScores, grain_scores
from .likelihood import poisson_log_likelihood
from .matching import grains_found, map_correlation, match_maps, match_patterns, pattern_cosine
from .presence import Rates, adjusted_rand_index, rates, true_grains
from .summary import Score, score

__all__ = [
    "GrainScores",
    "Rates",
    "Score",
    "adjusted_rand_index",
    "dissimilarity",
    "grain_scores",
    "grains_found",
    "map_correlation",
    "match_maps",
    "match_patterns",
    "matrix_dissimilarity",
    "pattern_cosine",
    "poisson_log_likelihood",
    "rates",
    "score",
    "true_grains",
]
