"""Seed of what is generated anew each day, and the sample of the slow tests that is drawn with it."""

import hashlib
import os
from datetime import date

SEED = int(os.environ.get("UNMIX4D_SEED") or date.today().strftime("%Y%m%d"))
SAMPLE = float(os.environ.get("UNMIX4D_SAMPLE") or 1)


def drawn(name, seed=SEED, share=SAMPLE):
    """Whether a slow test is in the sample."""
    number = int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8], "big")
    return number < share * 2**64
