import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from dfe_lib.errors import UserError
from dfe_lib.io.tables import coefficient_names, read_arrays
from dfe_lib.tracking.formats import flame_codes
from dfe_lib.tracking.formats.flame_codes import flame_names, is_flame_codes, read_flame_codes
from dfe_lib.tracking.formats.recording import write_recording
from dfe_lib.tracking.formats.settings import ReadSettings

N = 12


def codes(n=N, n_expression=50, seed=0):
    rng = np.random.default_rng(seed)
    jaw = rng.normal(0, 0.2, (n, 3)).astype("f4")
    return rng.normal(size=(n, n_expression)).astype("f4"), jaw, rng.random((n, 2), dtype="f4")


def read(path, out, **wanted):
    report = write_recording(read_flame_codes(path, ReadSettings(fps=25.0, **wanted)), out / "o.parquet", "c", "s")
    return read_arrays(out / "o.parquet"), coefficient_names(out / "o.parquet"), report


def save_frame(folder, exp, jaw):
    """One frame as EMOCA saves it: a folder with the codes, the head's turn before the jaw's."""
    folder.mkdir(parents=True)
    np.save(folder / "exp.npy", exp)
    np.save(folder / "pose.npy", np.r_[0.1, 0.2, 0.3, jaw].astype("f4"))
    np.save(folder / "shape.npy", np.zeros(100, "f4"))
    (folder / "geometry_coarse.png").write_bytes(b"")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    n_expression=st.sampled_from([50, 100]), jaw_kind=st.sampled_from([0, 3, 6]), with_eyelids=st.booleans(),
    spelling=st.sampled_from(["smirk", "deca", "batched"]), n=st.integers(1, 20),
)  # fmt: skip
def test_parts_of_a_clip_in_every_spelling(tmp_path, n_expression, jaw_kind, with_eyelids, spelling, n) -> None:
    exp, jaw, eyelids = codes(n, n_expression)
    names = {"smirk": ("expression_params", "jaw_params", "eyelid_params"), "deca": ("exp", "jaw", "eyelids")}
    exp_name, jaw_name, eyelid_name = names.get(spelling, names["deca"])
    rows = Rotation.from_rotvec(jaw).as_matrix()[:, :2].reshape(n, 6) * 1.3
    parts = {exp_name: exp, "shape_params": np.zeros((n, 300))}
    parts |= {jaw_name: jaw if jaw_kind == 3 else rows} if jaw_kind else {}
    parts |= {eyelid_name: eyelids} if with_eyelids else {}
    if spelling == "batched":
        parts = {name: part[:, None] for name, part in parts.items()}
    np.savez(tmp_path / "clip.npz", **parts)
    table, found, report = read(tmp_path / "clip.npz", tmp_path)
    assert found == flame_names(n_expression, bool(jaw_kind), with_eyelids)
    expected = [exp, *([jaw] if jaw_kind else []), *([eyelids] if with_eyelids else [])]
    np.testing.assert_allclose(table["psi"], np.concatenate(expected, 1), atol=1e-5)
    assert report.usable == n and any("jaw" in text for text in report.lacks) == (not jaw_kind)


@pytest.mark.parametrize("width", [50, 53, 55, 100, 103, 105])
def test_a_bare_array_of_a_known_width(tmp_path, width) -> None:
    values = np.random.default_rng(0).normal(size=(N, width)).astype("f4")
    np.save(tmp_path / "clip.npy", values)
    assert is_flame_codes(tmp_path / "clip.npy")
    np.testing.assert_array_equal(read(tmp_path / "clip.npy", tmp_path)[0]["psi"], values)


@pytest.mark.parametrize("shape", [(N, 56), (N, 136), (0, 53), (53,), (N, 2, 53)])
def test_a_bare_array_of_another_shape_is_refused(tmp_path, shape) -> None:
    np.save(tmp_path / "clip.npy", np.zeros(shape, "f4"))
    with pytest.raises(UserError, match="clip"):
        read(tmp_path / "clip.npy", tmp_path)


def test_emoca_writes_a_folder_a_frame_and_a_number_a_face(tmp_path) -> None:
    exp, jaw, _ = codes()
    for i in range(N):
        save_frame(tmp_path / "clip" / f"{i + 1:06d}_000", exp[i], jaw[i])
    for i in (2, 3, 4):
        save_frame(tmp_path / "clip" / f"{i + 1:06d}_001", exp[i] + 9, jaw[i])
    assert is_flame_codes(tmp_path / "clip") and not is_flame_codes(tmp_path)
    table, names, _ = read(tmp_path / "clip", tmp_path)
    np.testing.assert_allclose(table["psi"], np.c_[exp, jaw], atol=1e-6)
    assert table["frame"].tolist() == list(range(N)) and names == flame_names(50)
    everybody, _, _ = read(tmp_path / "clip", tmp_path, faces="all")
    assert len(everybody["frame"]) == N + 3 and set(everybody["face_id"]) == {0, 1}


def test_a_frame_that_is_missing_is_a_row_without_a_face(tmp_path) -> None:
    exp, jaw, _ = codes()
    for i in (0, 1, 4, 5):
        save_frame(tmp_path / "clip" / f"{i + 1:06d}_000", exp[i], jaw[i])
    table, _, report = read(tmp_path / "clip", tmp_path)
    np.testing.assert_allclose(table["time_s"], np.arange(6) / 25)
    assert np.flatnonzero(~table["detected"]).tolist() == [2, 3]
    np.testing.assert_allclose(table["psi"][4:, :50], exp[4:6], atol=1e-6)
    assert "2 frames that the numbers skip: rows without a face" in report.sentence


def save_numbered(folder, names, exp) -> None:
    for name, values in zip(names, exp, strict=True):
        np.savez(folder / f"{name}.npz", expression_params=values[None])


def test_frames_come_in_the_order_of_their_numbers(tmp_path) -> None:
    exp, _, _ = codes()
    save_numbered(tmp_path, [f"frame_{i + 1}" for i in range(N)], exp)
    table, _, report = read(tmp_path, tmp_path)
    np.testing.assert_array_equal(table["psi"], exp)
    assert table["frame"].tolist() == list(range(N)) and not report.sentence


def test_names_without_one_number_a_frame_come_in_natural_order(tmp_path) -> None:
    exp, _, _ = codes()
    save_numbered(tmp_path, [f"take{i // 6 + 9}_{i % 6 + 8}x" for i in range(N)], exp)
    table, _, report = read(tmp_path, tmp_path)
    np.testing.assert_array_equal(table["psi"], exp)
    assert "in the order of their names" in report.sentence


def test_numbers_that_start_later_keep_their_place(tmp_path) -> None:
    exp, _, _ = codes()
    save_numbered(tmp_path, [f"{i + 31:06d}" for i in range(N)], exp)
    table, _, report = read(tmp_path, tmp_path)
    np.testing.assert_allclose(table["time_s"], np.arange(30, 30 + N) / 25)
    assert table["frame"][0] == 30 and "frame numbers start at 31" in report.sentence
    np.testing.assert_array_equal(table["psi"], exp)


def test_a_number_before_the_frames_is_the_clips(tmp_path) -> None:
    exp, _, _ = codes()
    save_numbered(tmp_path, [f"2021_{i + 1:03d}" for i in range(N)], exp)
    table, _, _ = read(tmp_path, tmp_path)
    assert table["frame"].tolist() == list(range(N))
    np.testing.assert_array_equal(table["psi"], exp)


def test_a_number_far_beyond_the_others_is_refused_and_not_filled_up(tmp_path) -> None:
    exp, _, _ = codes()
    save_numbered(tmp_path, [*(f"{i:06d}" for i in range(N - 1)), "900000000"], exp)
    with pytest.raises(UserError, match="skips 899999989 frames after frame 10"):
        read(tmp_path, tmp_path)


def test_numbers_of_faces_are_said_to_be_no_people(tmp_path) -> None:
    exp, jaw, _ = codes()
    for i in range(N):
        save_frame(tmp_path / "clip" / f"{i + 1:06d}_000", exp[i], jaw[i])
        save_frame(tmp_path / "clip" / f"{i + 1:06d}_001", exp[i], jaw[i])
    assert "does not say who is who" in read(tmp_path / "clip", tmp_path)[2].sentence


@pytest.mark.parametrize("layout", ["rows", "columns"])
def test_a_jaw_of_six_numbers_is_read_as_told_and_said(tmp_path, layout) -> None:
    exp, jaw, _ = codes()
    matrices = Rotation.from_rotvec(jaw).as_matrix()
    six = matrices[:, :2] if layout == "rows" else matrices[:, :, :2].transpose(0, 2, 1)
    np.savez(tmp_path / "a.npz", exp=exp, jaw=six.reshape(N, 6))
    table, _, report = read(tmp_path / "a.npz", tmp_path, jaw_6d=layout)
    np.testing.assert_allclose(table["psi"][:, 50:], jaw, atol=1e-5)
    assert f"six numbers are taken as two {layout} of a rotation" in report.sentence
    if layout == "rows":
        np.testing.assert_array_equal(read(tmp_path / "a.npz", tmp_path)[0]["psi"], table["psi"])


@pytest.mark.parametrize("flat", [True, False])
def test_two_columns_side_by_side_are_known_by_their_lengths_or_shape(tmp_path, flat) -> None:
    exp, jaw, _ = codes()
    six = Rotation.from_rotvec(jaw).as_matrix()[:, :, :2]
    np.savez(tmp_path / "a.npz", exp=exp, jaw=six.reshape(N, 6) if flat else six)
    table, _, report = read(tmp_path / "a.npz", tmp_path)
    np.testing.assert_allclose(table["psi"][:, 50:], jaw, atol=1e-5)
    assert ("side by side" in report.sentence) == flat


def test_smirk_may_write_a_file_a_frame(tmp_path) -> None:
    exp, jaw, eyelids = codes()
    for i in np.random.default_rng(0).permutation(N):
        parts = {"expression_params": exp[i : i + 1], "jaw_params": jaw[i : i + 1], "eyelid_params": eyelids[i : i + 1]}
        np.savez(tmp_path / f"{i + 1:03d}.npz", **parts)
    table, names, _ = read(tmp_path, tmp_path)
    np.testing.assert_allclose(table["psi"], np.c_[exp, jaw, eyelids], atol=1e-6)
    assert names == flame_names(50, eyelids=True)


def test_whole_clip_arrays_in_a_folder(tmp_path) -> None:
    exp, jaw, _ = codes()
    np.save(tmp_path / "exp.npy", exp)
    np.save(tmp_path / "pose.npy", np.c_[np.ones((N, 3)), jaw])
    np.testing.assert_allclose(read(tmp_path, tmp_path)[0]["psi"], np.c_[exp, jaw], atol=1e-6)


def test_parts_that_do_not_belong_together_are_refused(tmp_path) -> None:
    exp, jaw, _ = codes()
    np.savez(tmp_path / "a.npz", exp=exp, jaw=jaw[:-1])
    with pytest.raises(UserError, match="different lengths"):
        read(tmp_path / "a.npz", tmp_path)
    np.savez(tmp_path / "a.npz", exp=exp[:, :49], jaw=jaw)
    with pytest.raises(UserError, match="expression has 49 numbers"):
        read(tmp_path / "a.npz", tmp_path)
    np.savez(tmp_path / "a.npz", jaw=jaw)
    with pytest.raises(UserError, match="no expression codes"):
        read(tmp_path / "a.npz", tmp_path)


def test_frames_of_different_programs_in_one_folder_are_refused(tmp_path) -> None:
    exp, jaw, _ = codes()
    np.savez(tmp_path / "001.npz", expression_params=exp[:1], jaw_params=jaw[:1])
    np.savez(tmp_path / "002.npz", expression_params=exp[:1])
    with pytest.raises(UserError, match="different parts"):
        read(tmp_path, tmp_path)


def test_a_code_that_is_not_finite_is_a_frame_without_a_face(tmp_path) -> None:
    exp, jaw, _ = codes()
    exp[3, 7], jaw[5] = np.nan, np.inf
    np.savez(tmp_path / "a.npz", exp=exp, jaw=jaw)
    assert np.flatnonzero(~read(tmp_path / "a.npz", tmp_path)[0]["detected"]).tolist() == [3, 5]


def test_a_turn_that_is_none_is_a_frame_without_a_face(tmp_path) -> None:
    """Six numbers of a jaw that span no plane: zeros, as a tracker writes where it saw nobody, or twice one row."""
    exp, jaw, _ = codes()
    rows = Rotation.from_rotvec(jaw).as_matrix()[:, :2].reshape(N, 6)
    rows[3], rows[5, 3:] = 0, -2 * rows[5, :3]
    np.savez(tmp_path / "a.npz", exp=exp, jaw=rows)
    table, _, _ = read(tmp_path / "a.npz", tmp_path)
    assert np.flatnonzero(~table["detected"]).tolist() == [3, 5]
    np.testing.assert_allclose(table["psi"][table["detected"], 50:], jaw[table["detected"]], atol=1e-5)


def test_a_clip_may_be_longer_than_what_is_read_at_a_time(tmp_path) -> None:
    exp, jaw, _ = codes(1300)
    np.savez(tmp_path / "a.npz", exp=exp, jaw=jaw)
    np.testing.assert_array_equal(read(tmp_path / "a.npz", tmp_path)[0]["psi"], np.c_[exp, jaw])


def test_no_more_is_read_than_is_written(tmp_path, monkeypatch) -> None:
    exp, jaw, _ = codes()
    for i in range(N):
        np.savez(tmp_path / f"{i:03d}.npz", exp=exp[i : i + 1], jaw=jaw[i : i + 1])
    chunks: list[int] = []
    stacked = flame_codes._stacked
    monkeypatch.setattr(flame_codes, "CHUNK", 2)
    monkeypatch.setattr(flame_codes, "_stacked", lambda parts, path: chunks.append(len(parts)) or stacked(parts, path))
    source = read_flame_codes(tmp_path, ReadSettings(fps=25.0))
    for read_so_far in (1, 2, 3):
        next(source.batches)
        assert len(chunks) == read_so_far
