import numpy as np

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.crops import rendered_crops


def performance(n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """The jaw drops in the second half."""
    psi = np.zeros((n, 52))
    psi[n // 2 :, ACTIONS.index("jawOpen")] = 1
    return psi, np.arange(n) / 10


def test_people_differ_in_looks_and_a_jaw_is_seen_to_drop() -> None:
    first, second = rendered_crops([performance(), performance()], n=4, size=32, span_s=None)
    assert first.shape == (4, 32, 32, 3) and first.dtype == np.uint8
    assert np.array_equal(first[0], first[1]) and np.array_equal(first[2], first[3])
    changed = np.abs(first[0].astype(int) - first[2]).max(-1) > 20
    assert changed[16:].sum() > 4 * max(changed[:12].sum(), 1)
    assert np.abs(first[0].astype(int) - second[0]).mean() > 5


def test_a_person_looks_the_same_whoever_else_is_filmed() -> None:
    alone, together = rendered_crops([performance()], n=2, size=32), rendered_crops([performance()] * 2, n=2, size=32)
    assert np.array_equal(alone[0], together[0])


def test_stretches_come_from_equal_parts_in_order() -> None:
    (crops,) = rendered_crops([performance()], n=2, size=32, span_s=1.0, stretches=2)
    assert np.array_equal(crops[0], crops[1]) and np.array_equal(crops[2], crops[3])
    lower = crops[:, 20:].astype(int)
    assert np.abs(lower[0] - lower[2]).mean() > 2
