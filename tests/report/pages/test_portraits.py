import numpy as np

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.morphable.anny import anny_head
from dfe_lib.report.pages.portraits import portraits


def test_a_portrait_is_hot_where_the_face_moves_and_turns_to_that_side() -> None:
    psi = np.zeros((2, len(ACTIONS)))
    psi[0, ACTIONS.index("mouthSmileLeft")] = psi[1, ACTIONS.index("mouthSmileRight")] = 0.5
    left, right = portraits(anny_head(), psi, np.zeros(len(ACTIONS)))
    for portrait, half in ((left, slice(150, None)), (right, slice(0, 150))):
        hot = portrait.front[..., 0].astype(int) - portrait.front[..., 2] > 60
        assert portrait.front[..., 3].min() == 0 and hot.sum() > 500
        assert hot[:, half].sum() > 0.85 * hot.sum()
        assert (portrait.limit, portrait.drawn) == (10, 1)
    # each shows the cheek that moves
    warmth = [(each.side[..., 0].astype(int) - each.side[..., 2] > 60).sum() for each in (left, right)]
    assert abs(warmth[0] - warmth[1]) < 0.15 * max(warmth)


def test_a_small_movement_is_drawn_larger_but_coloured_as_it_is() -> None:
    psi = np.zeros((2, len(ACTIONS)))
    psi[:, ACTIONS.index("jawOpen")] = 0.02, 0.2
    small, large = portraits(anny_head(), psi, np.zeros(len(ACTIONS)))
    assert (small.limit, small.drawn, large.limit, large.drawn) == (1, 5, 10, 1)


def test_heads_are_whole_and_in_the_middle() -> None:
    psi = np.eye(len(ACTIONS))[[ACTIONS.index("jawOpen"), ACTIONS.index("mouthSmileRight")]]
    for portrait in portraits(anny_head(), psi, np.zeros(len(ACTIONS))):
        for view in (portrait.front, portrait.side):
            rows, columns = ((view[..., 3] > 20).any(1 - axis).nonzero()[0] for axis in (0, 1))
            assert rows[0] > 2 and rows[-1] < view.shape[0] - 3, "crown or neck are cut"
            assert columns[0] > 2 and columns[-1] < view.shape[1] - 3, "the back of the head is cut"
            assert len(rows) > 0.85 * view.shape[0]
