import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_files import write_live_link

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.errors import UserError
from dfe_lib.io.tables import coefficient_names, read_arrays
from dfe_lib.tracking.formats.live_link import OUTSIDE, read_live_link
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


def test_a_short_take_says_what_it_assumes(tmp_path, psi) -> None:
    _, report = read(write_live_link(tmp_path / "a.csv", psi[:9], codes(9)))
    assert "taken as 60 frames a second" in report.sentence


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
