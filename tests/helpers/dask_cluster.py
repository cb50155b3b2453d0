"""A real Dask cluster of processes on this machine."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import LocalCluster


@contextmanager
def dask_cluster(folder: Path, workers: int = 2) -> Iterator[LocalCluster]:
    """Workers that are started again when they die, and import what this process does.

    Dask itself gives up every task that a worker held at its death: which of them is to blame, we say.
    """
    path = os.pathsep.join(filter(None, sys.path))
    environment = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "TMPDIR": str(folder)}
    settings = {
        "distributed.nanny.pre-spawn-environ": environment,
        "distributed.scheduler.allowed-failures": 0,
        "temporary-directory": str(folder),
    }
    with dask.config.set(settings), LocalCluster(workers, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster
