import numpy as np
import pytest
from recorded_files import E_DAIC, face_68, openface_rows, write_live_link, write_table

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.assets import asset
from dfe_lib.tracking.formats.libreface import UNITS
from dfe_lib.tracking.formats.registry import FORMATS, find_recordings, recognise
from dfe_lib.tracking.sources import find_sources


@pytest.fixture
def files(tmp_path):
    """One of each, in a folder with other things."""
    write_table(tmp_path / "openface.csv", E_DAIC, openface_rows(E_DAIC, 3))
    write_live_link(tmp_path / "phone.csv", np.zeros((2, 52)), ["00:00:00:00.000", "00:00:00:01.000"])
    columns = list(UNITS["au_intensity"])
    write_table(tmp_path / "libreface.csv", columns, np.zeros((2, len(columns))), glue=",")
    (tmp_path / "pyfeat.csv").write_bytes(asset("Fex_Test.csv").read_bytes())
    names = ["frame", "timestamp", "confidence", "success", "AU01_r"]
    for kind in ("AUs", "gaze"):
        write_table(tmp_path / f"300_CLNF_{kind}.txt", names, openface_rows(names, 3))
    np.save(tmp_path / "1_visual.npy", face_68(2).reshape(2, 136))
    np.savez(tmp_path / "smirk.npz", expression_params=np.zeros((3, 50)))
    folder = tmp_path / "emoca" / "000001_000"
    folder.mkdir(parents=True)
    np.save(folder / "exp.npy", np.zeros(50))
    (folder / "inputs.png").write_bytes(asset("single_face.jpg").read_bytes())
    (tmp_path / "subjects.csv").write_text("clip_id,subject_id\na,b\n")
    (tmp_path / "notes.txt").write_text("nothing here")
    (tmp_path / "film.jpg").write_bytes(asset("single_face.jpg").read_bytes())
    np.save(tmp_path / "weights.npy", np.zeros((3, 3)))
    return tmp_path


def test_each_file_is_taken_for_what_it_is(files) -> None:
    names = {path.name: recognise(path).name.split()[0] for path in find_recordings(files)}
    assert names == {
        "openface.csv": "OpenFace", "phone.csv": "Live", "libreface.csv": "LibreFace", "pyfeat.csv": "Py-Feat",
        "1_visual.npy": "D-Vlog", "smirk.npz": "FLAME", "emoca": "FLAME", "300_CLNF_AUs.txt": "DAIC-WOZ",
    }  # fmt: skip
    assert len(FORMATS) == 13


def test_a_folder_gives_media_and_recordings_but_not_a_recordings_pictures(files) -> None:
    clips = {clip.clip_id: clip.path.name for clip in find_sources([str(files)], {"phone": "anna"})}
    assert clips["film"] == "film.jpg" and clips["emoca"] == "emoca" and "inputs" not in clips
    assert "subjects" not in clips and "weights" not in clips and len(clips) == 9


def test_globs_and_samples_go_through_sources(files) -> None:
    clips = find_sources([str(files / "p*.csv"), "OpenFace_Test.csv"])
    assert {clip.clip_id for clip in clips} == {"OpenFace_Test", "phone", "pyfeat"}


NEITHER = ["subjects.csv", "300_CLNF_gaze.txt", "notes.txt", "weights.npy", "emoca/000001_000/inputs.png"]


@pytest.mark.parametrize("name", NEITHER)
def test_what_is_none_of_them_is_refused(files, name) -> None:
    with pytest.raises(UserError, match=name.rpartition("/")[2]):
        recognise(files / name)


def test_a_file_named_outright_that_cannot_be_read_is_named(files) -> None:
    with pytest.raises(UserError, match=r"notes\.txt is no video or picture that can be read.*dfe inspect"):
        find_sources([str(files / "notes.txt")])


def test_a_table_of_clips_without_their_files_says_so(tmp_path) -> None:
    (tmp_path / "clips.csv").write_text("clip_id,subject_id,gad7\nanna rest,anna,3\n")
    with pytest.raises(UserError, match=r"clips\.csv has no column path; it has clip_id, subject_id, gad7: add it"):
        find_sources([str(tmp_path / "clips.csv")])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["Timecode", "BlendShapeCount", *ACTIONS[:30]],
            "nearest is Live Link Face CSV, of which it lacks the columns",
        ),
        (["frame", "FaceRectX", "FaceRectY", "FaceScore"], "lacks the columns FaceRectWidth, FaceRectHeight"),
        (["apples", "pears"], r"FLAME expression codes \(EMOCA, DECA, SMIRK\)\)\."),
    ],
)
def test_a_table_in_no_format_is_told_the_nearest(tmp_path, names, message) -> None:
    (tmp_path / "a.csv").write_text(",".join(names) + "\n")
    with pytest.raises(UserError, match=message):
        recognise(tmp_path / "a.csv")
