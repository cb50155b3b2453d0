import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_files import write_live_link

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.tables import coefficient_names, read_arrays
from dfe_lib.tracking.formats.live_link import OUTSIDE, is_live_link, read_live_link
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings
from dfe_lib.tracking.formats.timecode import timecode_seconds


def codes(n, rate=60, start=0):
    return [f"{i // rate // 3600:02d}:{i // rate // 60 % 60:02d}:{i // rate % 60:02d}:{i % rate:02d}.000"
            for i in range(start, start + n)]  # fmt: skip


def read(path, **wanted):
    report = write_recording(read_live_link(path, ReadSettings(**wanted)), path.with_suffix(".parquet"), "c", "s")
    return read_arrays(path.with_suffix(".parquet")), report


@pytest.fixture
def psi():
    return np.random.default_rng(0).random((90, len(ACTIONS)), dtype=np.float32)


def test_every_action_reaches_its_place(tmp_path, psi) -> None:
    table, report = read(write_live_link(tmp_path / "a.csv", psi, codes(90)))
    np.testing.assert_allclose(table["psi"], psi, atol=1e-6)
    assert coefficient_names(tmp_path / "a.parquet") == ACTIONS
    np.testing.assert_allclose(table["time_s"], np.arange(90) / 60, atol=1e-9)
    assert report.usable == 90 and not report.sentence


@pytest.mark.parametrize("rate", [24, 25, 30, 60])
def test_the_timecode_tells_its_rate(tmp_path, psi, rate) -> None:
    table, _ = read(write_live_link(tmp_path / "a.csv", psi, codes(90, rate, start=10_000)))
    np.testing.assert_allclose(table["time_s"], np.arange(90) / rate, atol=1e-9)


@pytest.mark.parametrize(("n", "start"), [(24, 0), (24, 2), (9, 40)])
def test_a_short_take_never_gets_a_rate_silently(tmp_path, psi, n, start) -> None:
    path = write_live_link(tmp_path / "a.csv", psi[:n], codes(n, 60, start))
    table, report = read(path)
    rate = 30 if start + n <= 30 else 50
    assert f"taken as {rate} frames a second" in report.sentence
    np.testing.assert_allclose(table["time_s"], np.arange(n) / rate, atol=1e-9)
    table, report = read(path, fps=60.0)
    np.testing.assert_allclose(table["time_s"], np.arange(n) / 60, atol=1e-9)
    assert not report.sentence


def test_a_rate_that_the_timecode_denies_is_refused(tmp_path, psi) -> None:
    with pytest.raises(UserError, match="counts to frame 59 of a second: fps cannot be 30"):
        read(write_live_link(tmp_path / "a.csv", psi, codes(90)), fps=30.0)


def test_lines_that_are_cut_short_are_frames_without_a_face(tmp_path, psi) -> None:
    """The app writes the timecode and a 0 where it sees nobody."""
    path = write_live_link(tmp_path / "a.csv", psi, codes(90))
    lines = path.read_text().splitlines()
    for i in (6, 7, 8):
        lines[i] = lines[i].partition(",")[0] + ",0"
    path.write_text("\n".join(lines) + "\n")
    table, report = read(path)
    assert table["frame"].tolist() == list(range(90))
    assert np.flatnonzero(~table["detected"]).tolist() == [5, 6, 7]
    np.testing.assert_allclose(table["psi"][8], psi[8], atol=1e-6)
    np.testing.assert_allclose(table["time_s"], np.arange(90) / 60, atol=1e-9)
    assert "lines that are cut short" in report.sentence


def test_a_take_may_begin_and_end_without_a_face(tmp_path, psi) -> None:
    path = write_live_link(tmp_path / "a.csv", psi, codes(90))
    lines = path.read_text().splitlines()
    for i in (1, 2, 90):
        lines[i] = lines[i].partition(",")[0] + ",0"
    path.write_text("\n".join(lines) + "\n")
    table, _ = read(path)
    assert table["frame"].tolist() == list(range(90)) and np.flatnonzero(~table["detected"]).tolist() == [0, 1, 89]


def test_rows_that_were_deleted_are_frames_without_a_face(tmp_path, psi) -> None:
    path = write_live_link(tmp_path / "a.csv", psi, codes(90))
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:31] + lines[41:]) + "\n")
    table, report = read(path)
    assert table["frame"].tolist() == list(range(90))
    assert np.flatnonzero(~table["detected"]).tolist() == list(range(30, 40))
    np.testing.assert_allclose(table["time_s"], np.arange(90) / 60, atol=1e-9)
    assert "10 frames that the timecode skips: rows without a face" in report.sentence


def test_a_take_of_every_second_frame_has_no_gaps(tmp_path, psi) -> None:
    table, report = read(write_live_link(tmp_path / "a.csv", psi, codes(180)[::2]))
    assert table["frame"].tolist() == list(range(90)) and table["detected"].all() and not report.sentence
    np.testing.assert_allclose(table["time_s"], np.arange(90) / 30, atol=1e-9)


def test_two_takes_in_one_file_are_refused(tmp_path, psi) -> None:
    with pytest.raises(UserError, match="cut it where two recordings meet"):
        read(write_live_link(tmp_path / "a.csv", psi, codes(45) + codes(45, 60, 60 * 3600)))


def test_percent_become_shares_and_are_never_clipped(tmp_path, psi) -> None:
    psi[:6] = 0
    table, report = read(write_live_link(tmp_path / "a.csv", 100 * psi, codes(90)))
    np.testing.assert_allclose(table["psi"], psi, atol=1e-5)
    assert "taken as percent and divided by 100" in report.sentence


@pytest.mark.parametrize("scale", [1.6, 1000.0])
def test_values_that_are_neither_shares_nor_percent_are_refused(tmp_path, psi, scale) -> None:
    with pytest.raises(UserError, match="export them from 0 to 1"):
        read(write_live_link(tmp_path / "a.csv", scale * psi, codes(90)))


def test_one_value_far_outside_is_a_frame_without_a_face(tmp_path, psi) -> None:
    psi[7, 3] = 70
    table, _ = read(write_live_link(tmp_path / "a.csv", psi, codes(90)))
    assert np.flatnonzero(~table["detected"]).tolist() == [7]
    np.testing.assert_allclose(table["psi"][8], psi[8], atol=1e-6)


def test_the_tongue_may_be_missing(tmp_path, psi) -> None:
    path = write_live_link(tmp_path / "a.csv", psi, codes(90))
    names, *lines = (line.split(",") for line in path.read_text().splitlines())
    place = names.index("TongueOut")
    path.write_text("\n".join(",".join(row[:place] + row[place + 1 :]) for row in (names, *lines)))
    table, report = read(path)
    np.testing.assert_allclose(table["psi"][:, :-1], psi[:, :-1], atol=1e-6)
    assert (table["psi"][:, -1] == 0).all() and "no column TongueOut" in report.sentence


@pytest.mark.parametrize(
    ("old", "new"), [("BlendShapeCount", "BlendshapeCount"), ("Timecode", "timecode"), ("EyeBlinkLeft", "eyeBlink_L")]
)
def test_names_are_compared_without_case_and_marks(tmp_path, psi, old, new) -> None:
    path = write_live_link(tmp_path / "a.csv", psi, codes(90), [61] * 80 + [0] * 10)
    path.write_text(path.read_text().replace(old, new, 1))
    assert is_live_link(path.read_text().partition("\n")[0].split(","))
    table, _ = read(path)
    assert table["detected"].sum() == 80
    np.testing.assert_allclose(table["psi"][:80], psi[:80], atol=1e-6)


@given(start=st.integers(0, 24 * 3600 * 60 - 1), n=st.integers(2, 50))
@settings(max_examples=50, deadline=None)
def test_time_goes_on_over_midnight(start, n) -> None:
    day = [code.replace("24:", "00:", 1) if code.startswith("24:") else code for code in codes(n, 60, start)]
    seconds = timecode_seconds(np.array(day), 60.0)
    np.testing.assert_allclose(np.diff(seconds), 1 / 60, atol=1e-6)


def test_midnight_between_two_blocks_of_the_file(tmp_path, psi, monkeypatch) -> None:
    from dfe_lib.io import delimited as text_tables

    monkeypatch.setattr(text_tables, "BLOCK", 20_000)
    start = 24 * 3600 * 60 - 45
    day = [code.replace("24:", "00:", 1) for code in codes(90, 60, start)]
    table, _ = read(write_live_link(tmp_path / "a.csv", psi, day))
    np.testing.assert_allclose(table["time_s"], np.arange(90) / 60, atol=1e-6)


def test_a_row_without_blend_shapes_is_a_frame_without_a_face(tmp_path, psi) -> None:
    table, _ = read(write_live_link(tmp_path / "a.csv", psi, codes(90), [61] * 80 + [0] * 10))
    assert table["detected"].sum() == 80 and np.isnan(table["psi"][80:]).all()


def test_what_lies_beyond_the_range_is_brought_back_and_counted(tmp_path, psi) -> None:
    psi[3, 5], psi[4, 7] = 1.2, -0.1
    table, report = read(write_live_link(tmp_path / "a.csv", psi, codes(90)))
    assert table["psi"][3, 5] == 1 and table["psi"][4, 7] == 0 and report.dropped[OUTSIDE] == 2


def test_names_may_be_in_either_case(tmp_path, psi) -> None:
    path = write_live_link(tmp_path / "a.csv", psi, codes(90))
    path.write_text(path.read_text().replace("JawOpen", "jawOpen", 1))
    np.testing.assert_allclose(read(path)[0]["psi"], psi, atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("JawOpen", "JawClosed", "lacks the columns JawOpen"),
        ("00:00:00:07.000", "seven", "timecode is not of the form"),
        ("00:00:00:07.000", "00:00:0x:07.000", "something other than numbers"),
        ("00:00:00:07.000", "00:00:00:05.000", "run backwards"),
    ],
)
def test_a_malformed_file_is_refused(tmp_path, psi, old, new, message) -> None:
    path = write_live_link(tmp_path / "a.csv", psi, codes(90))
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=message):
        read(path)
