import numpy as np
import pandas as pd
import pytest

from dfe_lib.errors import UserError
from dfe_lib.io.tables import read_dataframe
from dfe_lib.tracking.formats.affdex import read_affdex
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.registry import recognise
from dfe_lib.tracking.formats.settings import ReadSettings

METRICS = ["Brow Furrow", "Brow Raise", "Inner Brow Raise", "Smile", "Smirk", "Lip Corner Depressor", "Mouth Open",
           "Eye Closure", "Joy", "Valence"]  # fmt: skip


def export(n=10) -> pd.DataFrame:
    """A table of iMotions: milliseconds, likelihoods from 0 to 100, emotions among the metrics."""
    values = np.random.default_rng(0).uniform(0, 100, (n, len(METRICS))).round(3)
    return pd.DataFrame({"Timestamp": np.arange(n) * 40.0 + 1000, "SampleNumber": np.arange(n)}).join(
        pd.DataFrame(values, columns=METRICS)
    )


def read(table, tmp_path, **wanted):
    table.to_csv(tmp_path / "a.csv", index=False)
    report = write_recording(read_affdex(tmp_path / "a.csv", ReadSettings(**wanted)), tmp_path / "o.parquet", "c", "s")
    return read_dataframe(tmp_path / "o.parquet", ["frame", "face_id", "time_s", "detected", "au_occurrence"]), report


def test_metrics_become_occurrences_of_their_units(tmp_path) -> None:
    table = export()
    found, report = read(table, tmp_path)
    assert recognise(tmp_path / "a.csv").name.startswith("AFFDEX")
    for unit, metric in (
        ("AU12", "Smile"),
        ("AU04", "Brow Furrow"),
        ("AU01", "Inner Brow Raise"),
        ("AU43", "Eye Closure"),
    ):
        np.testing.assert_allclose(found[f"au_occurrence.{unit}"], table[metric] / 100, rtol=1e-5)
    assert found.filter(like="au_").shape[1] == 7  # a smirk and the emotions are no units
    np.testing.assert_allclose(found["time_s"], 1 + np.arange(10) / 25)
    assert "milliseconds" in report.sentence and "from 0 to 100" in report.sentence


def test_rows_of_other_sensors_go_and_frames_without_a_face_stay(tmp_path) -> None:
    table = export()
    table.loc[3, METRICS] = np.nan
    other = pd.DataFrame({"Timestamp": [1050.0, 1170.0]})
    both = pd.concat([table, other]).sort_values("Timestamp")
    found, report = read(both, tmp_path)
    assert found["frame"].tolist() == list(range(10)) and np.flatnonzero(~found["detected"]).tolist() == [3]
    assert "2 rows of other sensors" in report.sentence and report.usable == 9


def test_affectivas_own_table_has_seconds_and_faces(tmp_path) -> None:
    names = {"Timestamp": "TimeStamp", "Smile": "smile", "Brow Furrow": "browFurrow", "Mouth Open": "mouthOpen"}
    one = export().rename(columns=names).drop(columns="SampleNumber").assign(faceId=0)
    one["TimeStamp"] = np.arange(10) / 25
    both = pd.concat([one, one.iloc[2:5].assign(faceId=1, smile=0.0)]).sort_values(["TimeStamp", "faceId"])
    found, report = read(both, tmp_path)
    assert len(found) == 10 and np.allclose(found["time_s"], np.arange(10) / 25)
    np.testing.assert_allclose(found["au_occurrence.AU12"], one["smile"] / 100, rtol=1e-5)
    assert len(read(both, tmp_path, faces="all")[0]) == 13 and "2 faces" in report.sentence


def test_without_times_fps_is_asked_for(tmp_path) -> None:
    table = export().drop(columns="Timestamp")
    with pytest.raises(UserError, match="no column of times"):
        read(table, tmp_path)
    assert np.allclose(read(table, tmp_path, fps=50.0)[0]["time_s"], np.arange(10) / 50)


def test_a_likelihood_beyond_100_is_not_believed(tmp_path) -> None:
    table = export()
    table.loc[4, "Smile"] = 180
    assert np.flatnonzero(~read(table, tmp_path)[0]["detected"]).tolist() == [4]


def test_what_imotions_writes_above_the_names_is_passed_over(tmp_path) -> None:
    table = export()
    found, _ = read(table, tmp_path)
    text = (tmp_path / "a.csv").read_text()
    (tmp_path / "a.csv").write_text("#INFO\n#Study name,A study, in parts\n#DATA,,\n" + text)
    assert recognise(tmp_path / "a.csv").name.startswith("AFFDEX")
    write_recording(read_affdex(tmp_path / "a.csv", ReadSettings()), tmp_path / "o.parquet", "c", "s")
    again = read_dataframe(tmp_path / "o.parquet", ["frame", "au_occurrence"])
    np.testing.assert_array_equal(again["au_occurrence.AU12"], found["au_occurrence.AU12"])
