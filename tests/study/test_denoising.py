import numpy as np

from dfe_lib.actors.benchmark_set import MOVING, rendered_set
from dfe_lib.cohort.cohort import CohortConfig
from dfe_lib.cohort.error_model import pretrained_error_model
from dfe_lib.study.denoising import actor_frames, simulated_frames


def test_filmed_actors_keep_their_order_and_are_read_about_as_they_are() -> None:
    actors = rendered_set(MOVING)
    read = actor_frames(actors)
    np.testing.assert_array_equal(np.concatenate([each.truth for each in read]), actors.psi)
    assert all(each.film for each in read) and all((each.sigma > 0).all() for each in read)
    far = [np.abs(each.estimated - each.truth).mean() for each in read]
    assert max(far) < 0.1 < 10 * min(far)


def test_stills_hold_no_neutral_frames() -> None:
    read = actor_frames(rendered_set().only(rendered_set().actor < 2), film=False)
    assert len(read) == 2 and not any(each.film for each in read)
    assert all((each.truth.sum(1) > 0).all() for each in read)


def test_a_simulated_person_is_read_through_the_error_model_and_rests_at_nought() -> None:
    shown = simulated_frames(CohortConfig(2, 0.5, 10), 1, pretrained_error_model())
    assert shown.truth.shape == shown.estimated.shape == shown.sigma.shape == (300, 52)
    assert np.abs(shown.estimated - shown.truth).max() > 0.05
    assert np.median(shown.truth) < 0.02 and (shown.sigma > 0).all()
    loud = np.abs(shown.estimated).sum(1).argsort()
    assert shown.sigma[loud[-1]].sum() > shown.sigma[loud[0]].sum(), "more noise where more moves"
