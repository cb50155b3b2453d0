"""Learns the start of implicit codebooks anew, from simulated people alone; `make implicit` runs it."""

import numpy as np
import torch

from ..cohort.cohort import CohortConfig, simulate_person
from ..io.progress import bar
from ..morphable.anny import anny_head
from .implicit_code import START, ImplicitCode

__all__ = ["build_start"]

PEOPLE = CohortConfig(people=300, minutes=5, fps=10, seed=900)
"""Other people than those of the study, whose seeds are smaller."""
BITS = 32


def build_start(steps: int = 12_000) -> ImplicitCode:
    """A code learnt from a million frames of simulated people; minutes on a GPU, an hour without one."""
    people = bar(range(PEOPLE.people), desc="simulated people")
    psi = np.concatenate([simulate_person(PEOPLE, index).psi for index in people])
    device = "cuda" if torch.cuda.is_available() else "cpu"
    code = ImplicitCode(steps=steps, start=None, learning_rate=1e-3, device=device)
    return code.fit(psi, anny_head().gram(), BITS)


if __name__ == "__main__":
    build_start().save(START)
    print(f"{START.name}: {START.stat().st_size / 2**20:.1f} MB")
