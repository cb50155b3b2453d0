import numpy as np
from frame_sets import faces

from dfe_lib.comparison.frame_codes import FrameCode
from dfe_lib.comparison.retrieval import nearest_others, retrieval_table

METRIC = 4 * np.eye(52)


def two_displays(noise=0.01, seed=0):
    """Three people who each show two displays, half of their frames each."""
    rng = np.random.default_rng(seed)
    which = np.tile(np.repeat([0, 1], 10), 3)
    psi = np.eye(52)[which] + noise * rng.normal(size=(60, 52))
    shown = faces(list("abc"), each=20, psi=psi)
    shown.display[:] = np.array(["smile", "blink"])[which]
    return shown, which


def test_neighbours_are_those_of_a_full_search_and_never_ones_own() -> None:
    rng = np.random.default_rng(1)
    points, owner = rng.normal(size=(300, 4)), rng.integers(0, 3, 300)
    found = nearest_others(points[:280], points, owner[:280], owner, 3)
    for query in range(0, 280, 40):
        distance = np.linalg.norm(points - points[query], axis=1)
        distance[owner == owner[query]] = np.inf
        assert found[query].tolist() == np.argsort(distance)[:3].tolist()


def test_ties_are_broken_without_favour() -> None:
    found = nearest_others(np.zeros((1, 2)), np.zeros((200, 2)), np.array([0]), np.ones(200, int), 10, seed=3)
    assert len(set(found[0])) == 10 and found.max() > 50


def test_a_code_that_tells_the_display_finds_it_and_an_empty_one_does_not() -> None:
    shown, which = two_displays()
    telling = FrameCode("dfe", "tokens", 1.0, which[:, None], np.eye(52)[which], np.eye(52)[:2])
    empty = FrameCode("facs", "binary", 1.0, np.zeros((60, 1), int), np.zeros((60, 52)), np.eye(52)[:2])
    table = retrieval_table([telling, empty], shown, np.arange(60), METRIC, "simulated").set_index("representation")
    assert table.recall_at_1["dfe"] == table.recall_at_1["exact"] == 1.0
    assert 0.3 < table.recall_at_1["facs"] < 0.7 and 0.3 < table.recall_at_1["random"] < 0.7
    assert table.cosine["dfe"] > 0.95 and table.distance_mm["dfe"] < 0.3 < table.distance_mm["facs"]
    assert table.cosine_low["dfe"] <= table.cosine["dfe"] <= table.cosine_high["dfe"]
    assert table.queries["dfe"] == 60 and table.people["dfe"] == 3


def test_without_displays_there_is_no_recall_and_still_faces_are_not_asked_for() -> None:
    shown, which = two_displays()
    shown.display[:] = ""
    shown.psi[:10] = 0.0
    code = FrameCode("dfe", "tokens", 1.0, which[:, None], shown.psi, np.eye(52)[:2])
    row = retrieval_table([code], shown, np.arange(60), METRIC, "real").iloc[0]
    assert np.isnan(row.recall_at_1) and row.queries == 50 and row.cosine > 0.95
