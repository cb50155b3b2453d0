"""Many clips on processes and clusters whose workers die."""

import os
import shutil
import sys
from pathlib import Path

import dask_jobqueue.local
import deadly_tasks
import pytest
from clip_files import short_clip, small_model
from dask_cluster import dask_cluster
from video_files import real_frames, write_video

import dfe_lib.encoding.tasks as tasks
from dfe_lib.cli import main
from dfe_lib.encoding.batch import encode_inputs


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, count in (("deadly", 4), ("unlucky", 6), ("whole", 8)):
        short_clip(folder / f"{name}.mp4", count=count)
    return folder


@pytest.fixture(scope="module")
def undisturbed(clips: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table a clip, written by one process."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("unlucky", "whole"):
        encode_inputs([clips / f"{name}.mp4"], folder / name, model=model)
        shutil.copy(folder / name / f"{name}.parquet", folder)
    return folder


def check(out: Path, undisturbed: Path) -> None:
    assert sorted(path.name for path in out.glob("*.parquet")) == ["unlucky.parquet", "whole.parquet"]
    for path in out.glob("*.parquet"):
        assert path.read_bytes() == (undisturbed / path.name).read_bytes()
    assert not list(out.glob("*.part"))


def test_a_crash_costs_its_clip_alone_which_is_named(
    clips: Path, model: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    monkeypatch.setattr(tasks, "read", deadly_tasks.read_or_die)
    monkeypatch.setattr(tasks, "encode", deadly_tasks.encode_or_die)
    arguments = ["encode", str(clips), "-o", str(tmp_path / "out"), "--model", str(model)]
    assert main(arguments) == 1
    said = capsys.readouterr()
    assert said.err.splitlines()[-1].startswith("dfe: deadly: set aside, for what reads it died twice (SIGABRT)")
    assert "2 clips" in said.out
    check(tmp_path / "out", undisturbed)


def test_a_long_clip_is_shared_by_segments_of_which_a_kill_costs_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [frame.rgb[:144, :192] for frame in real_frames("carphone_pristine.mp4", 63)]
    long = write_video(tmp_path / "long.mp4", frames, [10_000 * row for row in range(63)], key_every=4)
    encode_inputs([long], tmp_path / "by1", model=model)
    monkeypatch.setattr(tasks, "extract", deadly_tasks.extract_or_die)
    done = encode_inputs([long], tmp_path / "by2", model=model, workers=2)
    assert done.is_sound
    assert (tmp_path / "by1" / "long.parquet").read_bytes() == (tmp_path / "by2" / "long.parquet").read_bytes()
    assert sorted((tmp_path / "by2" / ".begun").read_text().split()) == ["0", "1", "1", "2"]
    assert not list((tmp_path / "by2").glob("*.work"))


def test_workers_of_a_cluster_that_are_killed_cost_their_clip_alone(
    clips: Path, model: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "encode", deadly_tasks.encode_or_die)
    monkeypatch.chdir(clips)
    with dask_cluster(tmp_path) as cluster:
        done = encode_inputs(["."], tmp_path / "out", model=model, scheduler=cluster.scheduler_address)
    assert [(each.name, "died twice" in each.reason) for each in done.failed] == [("deadly", True)]
    check(tmp_path / "out", undisturbed)


def test_workers_of_a_job_queue_do_it(
    clips: Path, model: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The class for one machine stands for that of SLURM: both write a job's script and have it run."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    place = {
        "local_directory": str(tmp_path),
        "log_directory": str(tmp_path),
        "scheduler_options": {"dashboard": False},
    }
    with dask_jobqueue.local.LocalCluster(cores=1, processes=1, memory="2GB", **place) as cluster:
        cluster.scale(1)
        inputs = [clips / "unlucky.mp4", clips / "whole.mp4"]
        done = encode_inputs(inputs, tmp_path / "out", model=model, scheduler=cluster.scheduler_address)
    assert done.is_sound and len(done.done) == 2
    check(tmp_path / "out", undisturbed)
