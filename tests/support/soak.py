"""How long the faults are looked for: a moment with every test run, for hours with `make soak`."""

import os
import random
import time
from collections.abc import Iterator

SOAK_ROUNDS = int(os.environ.get("SPANLOOM_SOAK_ROUNDS", "0"))
"""Rounds of the long form; 0 asks for the short one."""

_SOAK_MINUTES = float(os.environ.get("SPANLOOM_SOAK_MINUTES", "inf"))

_SEED_VARIABLE = "SPANLOOM_FAULT_SEED"
_DEFAULT_SEED = "1"


def scaled(short: int, long: int) -> int:
    """The short form's number, or with `make soak` the long form's."""
    return long if SOAK_ROUNDS else short


def rounds(short: int) -> Iterator[int]:
    """Numbers of rounds: the short form's, else as many as are asked for and fit into the time."""
    ends = time.monotonic() + 60 * _SOAK_MINUTES
    for number in range(SOAK_ROUNDS or short):
        if time.monotonic() > ends:
            return
        yield number


def seeded_random(what: str) -> random.Random:
    """Chance that can be had again: the seed is printed, and SPANLOOM_FAULT_SEED sets it."""
    seed = os.environ.get(_SEED_VARIABLE, _DEFAULT_SEED)
    print(f"{what}: {_SEED_VARIABLE}={seed}")
    return random.Random(f"{seed}/{what}")
