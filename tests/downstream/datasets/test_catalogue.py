from pathlib import Path

import data_set_trees as trees
import pytest

from dfe_lib.cli import main
from dfe_lib.downstream.datasets.catalogue import DATASETS, describe, find_dataset, read_dataset, write_dataset
from dfe_lib.downstream.recorded import labelled_clips
from dfe_lib.downstream.tasks import tasks_of
from dfe_lib.errors import UserError
from dfe_lib.io.clip_table import read_clip_table, table_clips
from dfe_lib.tracking import take_clips

TREES = {
    "ubfc-phys": (trees.ubfc_phys, {"stress"}),
    "stressid": (trees.stressid, {"stress"}),
    "swell": (trees.swell, set()),
    "chalearn": (trees.chalearn, {"personality"}),
    "udiva": (trees.udiva, {"personality_z"}),
    "seamless": (trees.seamless, {"personality"}),
    "daic-woz": (trees.daic_woz, {"depression", "phq8", "phq8_severity"}),
    "e-daic": (trees.e_daic, {"depression", "phq8", "phq8_severity"}),
    "d-vlog": (trees.d_vlog, {"depression"}),
    "avec": (trees.avec, {"bdi"}),
}


def test_every_data_set_has_a_tree_here() -> None:
    assert set(TREES) == set(DATASETS)


@pytest.mark.parametrize("name", DATASETS)
def test_a_folder_becomes_a_table_that_the_notebooks_read(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    write, tasks = TREES[name]
    write(tmp_path / "raw")
    assert main(["datasets", name, str(tmp_path / "raw"), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    table = read_clip_table(tmp_path / "out" / "clips.csv")
    assert len(table_clips(tmp_path / "out" / "clips.csv")) == len(table)
    assert f"{len(table)} clips of {table.subject_id.nunique()} people" in said
    path = tmp_path / "out" / "clips.csv"
    assert f"copy params/own to params/{name}\n" in said and f"write {path} for data/clips.csv" in said
    if name != "swell":  # its scores are the user's own
        assert {task.name for task in tasks_of(table.columns)} == tasks


@pytest.mark.parametrize("name", ["daic-woz", "e-daic", "d-vlog"])
def test_the_files_of_a_table_are_read_and_meet_their_labels(name: str, tmp_path: Path) -> None:
    TREES[name][0](tmp_path / "raw")
    path = write_dataset(read_dataset(name, tmp_path / "raw"), tmp_path)
    summary = take_clips(table_clips(path), tmp_path / "frames")
    assert set(summary["status"]) == {"ok"}, summary["reason"].tolist()
    found = labelled_clips(path, frames=tmp_path / "frames").labelled(["depressed"])
    assert [clip.clip_id for clip in found.clips] == found.labels.clip_id.tolist() == sorted(summary.clip_id)
    assert (found.clips[0].aus is not None) == (name != "d-vlog")
    assert set(found.split) == {"train", "dev", "test"}


@pytest.mark.parametrize("name", DATASETS)
def test_a_set_that_is_not_there_is_a_page_of_instructions(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["datasets", name]) == 0
    page = capsys.readouterr().out
    assert page == describe(name) + "\n"
    assert all(fact in page for fact in (DATASETS[name].access, DATASETS[name].layout[0], "downloads nothing"))
    assert main(["datasets", name, str(tmp_path / "absent")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("dfe: there is no folder") and f"`dfe datasets {name}`" in said and said.count("\n") == 1
    with pytest.raises(UserError, match=r"holds no|has no"):
        read_dataset(name, tmp_path)


def test_the_list_names_all_with_what_they_allow(capsys: pytest.CaptureFixture) -> None:
    assert main(["datasets"]) == 0
    said = capsys.readouterr().out
    for each in DATASETS.values():
        assert all(
            fact in said for fact in (each.title, each.task, each.distributed, each.representations, each.access)
        )


def test_a_name_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(UserError, match=r"'daic': use (daic-woz|e-daic)"):
        find_dataset("daic")
