"""Puts the scripts of benchmarks/reproduce on the path; what they set for a process of their own is taken back."""

import os
import sys
from pathlib import Path

environment = dict(os.environ)
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "reproduce"))

import _report  # noqa: E402, F401

os.environ.clear()
os.environ.update(environment)
