import json

import numpy as np
import pandas as pd
import pytest

from dfe_lib.blendshapes import ACTIONS, BLENDSHAPES
from dfe_lib.errors import UserError
from dfe_lib.io.tables import coefficient_names, read_arrays
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.registry import find_recordings, recognise
from dfe_lib.tracking.formats.settings import ReadSettings

N = 12


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(0).random((N, len(BLENDSHAPES))).round(4)


def read(path, **wanted):
    report = write_recording(recognise(path).read(path, ReadSettings(**wanted)), path.with_suffix(".parquet"), "c", "s")
    return read_arrays(path.with_suffix(".parquet")), report


def result(row, style="js", x=0.2):
    """What FaceLandmarker gives for a frame with one face, or none."""
    names = {
        "js": ("categoryName", "faceBlendshapes", "faceLandmarks"),
        "py": ("category_name", "face_blendshapes", ""),
    }
    name, shapes, points = names[style]
    if row is None:
        return {shapes: [], **({points: []} if points else {})}
    entries = [{"index": 0, "score": 1e-6, name: "_neutral", "displayName": ""}]
    entries += [{"index": i + 1, "score": float(v), name: BLENDSHAPES[i]} for i, v in enumerate(row)]
    faces = [{"categories": entries, "headIndex": -1}] if style == "js" else [entries]
    marks = [[{"x": x, "y": 0.1, "z": 0}, {"x": x + 0.2, "y": 0.4, "z": 0}]]
    return {shapes: faces, **({points: marks} if points else {})}


@pytest.mark.parametrize("style", ["js", "py"])
@pytest.mark.parametrize("form", ["list", "named", "lines"])
def test_results_as_json(tmp_path, scores, style, form) -> None:
    frames = [result(row, style) | {"timestamp": 1000 + 40 * i} for i, row in enumerate(scores)]
    frames[5] = result(None, style) | {"timestamp": 1200}
    if form == "lines":
        path = tmp_path / "a.jsonl"
        path.write_text("\n".join(map(json.dumps, frames)))
    else:
        path = tmp_path / "a.json"
        path.write_text(json.dumps({"fps": 25, "frames": frames} if form == "named" else frames))
    table, report = read(path)
    assert coefficient_names(path.with_suffix(".parquet")) == ACTIONS and list(find_recordings(tmp_path)) == [path]
    np.testing.assert_allclose(np.delete(table["psi"][:, :51], 5, 0), np.delete(scores, 5, 0), atol=1e-6)
    assert np.flatnonzero(~table["detected"]).tolist() == [5] and len(table["frame"]) == N
    np.testing.assert_allclose(table["time_s"], 1 + np.arange(N) / 25)
    assert "milliseconds" in report.sentence and "as coefficients as they are" in report.sentence


def test_mappings_of_names_to_scores(tmp_path, scores) -> None:
    frames = [{"frame": i, "blendshapes": dict(zip(BLENDSHAPES, row, strict=True))} for i, row in enumerate(scores)]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    table, _ = read(tmp_path / "a.json", fps=50.0)
    np.testing.assert_allclose(table["psi"][:, :51], scores, atol=1e-6)
    np.testing.assert_allclose(table["time_s"], np.arange(N) / 50)


def test_people_of_a_result_are_followed_by_their_landmarks(tmp_path, scores) -> None:
    frames = []
    for i, row in enumerate(scores):
        one, two = result(row, x=0.1), result(1 - row, x=0.6)
        pair = (one, two) if i // 2 % 2 else (two, one)
        frames.append({name: [each[name][0] for each in pair] for name in one})
    (tmp_path / "a.json").write_text(json.dumps(frames))
    table, _ = read(tmp_path / "a.json", faces="all")
    assert len(table["frame"]) == 2 * N
    psi = table["psi"][table["face_id"] == table["face_id"][-2], :51]
    np.testing.assert_allclose(psi, scores if np.allclose(psi[0], scores[0], atol=1e-6) else 1 - scores, atol=1e-6)


@pytest.mark.parametrize(
    ("column", "values", "unit"),
    [
        ("timestamp_ms", np.arange(N) * 40, 1e-3),
        ("time_s", np.arange(N) / 25, 1.0),
        ("timestamp", np.arange(N) * 40.0, 1e-3),
        ("timestamp", np.arange(N) * 40_000.0, 1e-6),
        ("Time (seconds)", np.arange(N) / 25, 1.0),
        ("timestamp", 1.7e9 + np.arange(N) / 25, None),
    ],
)
def test_a_table_with_a_column_a_score(tmp_path, scores, column, values, unit) -> None:
    table = pd.DataFrame(scores, columns=BLENDSHAPES)
    table.insert(0, "_neutral", 0.0)
    table.insert(0, column, values)
    table.to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv")
    np.testing.assert_allclose(found["psi"][:, :51], scores, atol=1e-6)
    np.testing.assert_allclose(found["time_s"], np.arange(N) / 25, atol=1e-6)
    assert recognise(tmp_path / "a.csv").name.startswith("FaceLandmarker") and "tongue" in report.sentence


def test_a_table_without_times_says_what_it_assumes(tmp_path, scores) -> None:
    table = pd.DataFrame(scores, columns=BLENDSHAPES)
    table.insert(0, "Frame", np.arange(N) + 1)
    table.iloc[4, 1:] = np.nan
    table.to_csv(tmp_path / "a.csv", index=False)
    found, report = read(tmp_path / "a.csv")
    assert found["frame"].tolist() == list(range(N)) and np.flatnonzero(~found["detected"]).tolist() == [4]
    assert "taken as 30 frames a second" in report.sentence


@pytest.mark.parametrize("text", ['[{"jawOpen": ', '{"jawOpen": 0.5}', '"jawOpen"', "[" * 100_000 + '"jawOpen"'])
def test_other_json_is_refused(tmp_path, text) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError, match=r"a\.json"):
        read(tmp_path / "a.json")


def test_json_of_something_else_is_no_clip(tmp_path) -> None:
    (tmp_path / "take.json").write_text('{"version": 1, "device": "phone"}')
    assert list(find_recordings(tmp_path)) == []
