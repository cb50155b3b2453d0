"""How long and how large: every stage's throughput and memory on this machine, and a plan that follows from them.

In come sample clips and invented expressions; out go `results/bench/*.csv` with processor seconds, clock seconds, peak
memory and bytes a frame, the figures of the libraries alone beside ours, and what so many hours of video will take.
"""

from ..lazy import importer

_MODULES = {
    "cost_model": "plan",
    "plan_table": "plan",
    "run_bench": "run",
    "simulated_schedule": "schedule",
    "write_plan": "plan",
}

__all__ = sorted(_MODULES)

__getattr__ = importer(__name__, _MODULES)
