import numpy as np
import pytest
import torch

from dfe_lib.errors import UserError
from dfe_lib.fitting.solver import LandmarkSolver, camera_axes, lift
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.rendering import turn

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")


@pytest.fixture(scope="module")
def scene() -> dict[str, np.ndarray]:
    """Exact landmarks of 24 frames of one person, in pixels."""
    head, rng = anny_head(), np.random.default_rng(0)
    psi = np.zeros((24, 52))
    for row in psi:
        row[rng.choice(51, 4, replace=False)] = rng.uniform(0.1, 1.0, 4)
    beta = rng.normal(size=60) * (np.arange(60) < 40)
    rotation = np.stack([turn(*rng.uniform(-25, 25, 2)) for _ in psi])
    marks = head.landmarks(head.vertices(psi, beta)) * 1000
    points = 2.3 * np.einsum("nij,nlj->nli", rotation, marks) + [310.0, -205.0, 4.0]
    return {"psi": psi, "beta": beta, "rotation": rotation, "points": points}


def error_mm(psi: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ni,ij,nj->n", psi - truth, anny_head().gram(), psi - truth))


def test_exact_landmarks_of_a_known_identity_are_solved_exactly(scene) -> None:
    fit = LandmarkSolver(anny_head()).fit(scene["points"], scene["beta"], precision=1e-6)
    assert error_mm(fit.psi, scene["psi"]).max() < 1e-3
    assert np.abs(fit.rotation - scene["rotation"]).max() < 1e-5
    assert fit.scale == pytest.approx(np.full(24, 2.3), rel=1e-5)
    assert fit.residual_mm.max() < 1e-3


def test_the_identity_comes_out_of_the_frames(scene) -> None:
    solver = LandmarkSolver(anny_head())
    beta = solver.fit_identity(scene["points"], precision=1e-4, identity_precision=1e-3)
    assert np.abs(beta - scene["beta"][:40]).max() < 0.2
    fit = solver.fit(scene["points"], beta, precision=1e-6)
    assert error_mm(fit.psi, scene["psi"]).mean() < 0.05


def test_a_frame_is_fitted_the_same_alone_in_a_batch_and_in_another_order(scene) -> None:
    solver = LandmarkSolver(anny_head())
    batch = solver.fit(scene["points"])
    alone = solver.fit(scene["points"][5:6])
    turned = solver.fit(scene["points"][::-1])
    assert np.abs(batch.psi[5] - alone.psi[0]).max() < 1e-9
    assert np.abs(batch.psi - turned.psi[::-1]).max() < 1e-9


def test_psi_keeps_its_bounds_under_noise(scene) -> None:
    noisy = scene["points"] + np.random.default_rng(1).normal(0, 8, scene["points"].shape)
    psi = LandmarkSolver(anny_head()).fit(noisy).psi
    assert psi.min() >= 0 and psi.max() <= 1 and (psi == 0).any()


def test_huber_weights_stand_an_outlier_that_plain_least_squares_does_not(scene) -> None:
    broken = scene["points"].copy()
    broken[:, 61] += 150.0
    plain, robust = (
        error_mm(
            LandmarkSolver(anny_head()).fit(broken, scene["beta"], huber_mm=width, iterations=20).psi, scene["psi"]
        )
        for width in (None, 1.0)
    )
    assert robust.mean() < 0.5 * plain.mean()


def test_lifting_undoes_perspective() -> None:
    head = anny_head()
    points = head.landmarks(head.template) * 1000
    depth = 450.0 - points[:, 2]
    pixels = np.column_stack(
        [points[:, 0] * 600 / depth + 320, 240 - points[:, 1] * 600 / depth, -points[:, 2] * 600 / depth.mean()]
    )
    solver = LandmarkSolver(head, n_identity=0)
    flat = solver.fit(camera_axes(pixels[None]))
    lifted = solver.fit(lift(pixels[None], 600.0, (640, 480), 1 / flat.scale))
    assert lifted.residual_mm[0] < 0.25 * flat.residual_mm[0]


def test_the_residual_counts_every_landmark_alike(scene) -> None:
    broken = scene["points"].copy()
    broken[:, 61] += 150.0
    fit = LandmarkSolver(anny_head()).fit(broken, scene["beta"], huber_mm=1.0)
    marks = anny_head().landmarks(anny_head().vertices(fit.psi, scene["beta"])) * 1000
    back = np.einsum("nli,nij->nlj", broken - fit.translation[:, None], fit.rotation) / fit.scale[:, None, None]
    expected = np.sqrt(np.square(back - marks).sum(2).mean(1))
    np.testing.assert_allclose(fit.residual_mm, expected, rtol=1e-5)


@pytest.mark.parametrize("spoil", [lambda p: p[:, :400], lambda p: np.where(p > 400, np.nan, p)])
def test_bad_landmarks_are_refused_in_words(scene, spoil) -> None:
    with pytest.raises(UserError, match="landmarks"):
        LandmarkSolver(anny_head()).fit(spoil(scene["points"]))


def test_no_frames_give_an_empty_fit() -> None:
    assert LandmarkSolver(anny_head()).fit(np.empty((0, 478, 3))).psi.shape == (0, 52)


@pytest.mark.parametrize("device", ["meta", pytest.param("cuda", marks=NO_GPU)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_step_is_computed_where_and_as_precisely_as_asked(scene, device, dtype) -> None:
    solver = LandmarkSolver(anny_head(), n_identity=5, device=device, dtype=dtype)
    if device == "meta":  # shapes without values: one tensor left on the CPU, and the arithmetic would stop before
        for call in (solver.fit, solver.fit_identity):
            with pytest.raises(NotImplementedError, match="no data"):
                call(scene["points"])
        return
    expected = LandmarkSolver(anny_head(), n_identity=5).fit(scene["points"]).psi
    assert np.abs(solver.fit(scene["points"]).psi - expected).max() < (1e-3 if dtype == torch.float32 else 1e-8)


def test_the_fit_has_the_dtype_of_the_solver(scene) -> None:
    for dtype in (torch.float32, torch.float64):
        fit = LandmarkSolver(anny_head(), n_identity=0, dtype=dtype).fit(scene["points"][:2])
        assert {str(value.dtype) for value in vars(fit).values()} == {str(dtype).removeprefix("torch.")}
