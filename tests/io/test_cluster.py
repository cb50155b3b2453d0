from collections.abc import Iterator
from pathlib import Path

import deadly_tasks as tasks
import pytest
from dask_cluster import dask_cluster
from distributed import LocalCluster
from tqdm import tqdm

from dfe_lib.errors import UserError
from dfe_lib.io.cluster import Cluster, open_workers
from dfe_lib.io.processes import Here, Processes, WorkerDied

SILENT = tqdm(disable=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with dask_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


def test_workers_killed_cost_no_task_but_the_one_that_kills_them(cluster: LocalCluster, tmp_path: Path) -> None:
    with open_workers(1, cluster.scheduler_address, tmp_path, SILENT, 9) as workers:
        assert isinstance(workers, Cluster) and workers.width() == 2
        futures = [workers.submit(tasks.killed_once, tmp_path / "mark"), workers.submit(tasks.abort)]
        futures += [workers.submit(tasks.double, number) for number in range(6)]
        assert futures[0].result(60) == 1
        with pytest.raises(WorkerDied, match="died twice"):
            futures[1].result(60)
        assert [future.result(60)[0] for future in futures[2:]] == [0, 2, 4, 6, 8, 10]
        with pytest.raises(FileNotFoundError, match="no such clip"):
            workers.submit(tasks.fail).result(60)
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]


def test_nobody_at_the_address_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dfe_lib.io.cluster.ANSWER_S", 1)
    with pytest.raises(UserError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        Cluster("tcp://127.0.0.1:9", tmp_path)


def test_workers_of_another_version_are_refused(cluster: LocalCluster, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("dfe_lib.__version__", "0.0.1")
    with pytest.raises(UserError, match=r"and this is dfe_lib 0.0.1: install the same"):
        Cluster(cluster.scheduler_address, tmp_path)


def test_who_does_the_tasks_is_chosen(tmp_path: Path) -> None:
    with open_workers(1, "", tmp_path, SILENT, 1) as workers:
        assert isinstance(workers, Here) and workers.submit(tasks.double, 3).result()[0] == 6
    with open_workers(1, "", tmp_path, SILENT, 2) as workers:
        assert isinstance(workers, Processes) and workers.width() == 1
    with pytest.raises(UserError, match="1 worker or more"), open_workers(0, "", tmp_path, SILENT, 2):
        pass
    with pytest.raises(UserError, match="of its own"), open_workers(2, "tcp://a:1", tmp_path, SILENT, 2):
        pass
