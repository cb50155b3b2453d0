import pytest
from tqdm import tqdm

from dfe_lib.errors import UserError
from dfe_lib.io.outputs import OutputError
from dfe_lib.io.processes import Here
from dfe_lib.io.schedule import Steps, in_steps

HERE = Here(tqdm(disable=True))


def half(number: int, progress: tqdm) -> float:
    if number == 3:
        raise UserError("three has no half.")
    if number == 5:
        raise OutputError("the disk is full.")
    return number / 2


def steps(number: int) -> Steps:
    """Halves the number and its neighbour, then nothing, then their sum."""
    halves = yield [(HERE, half, (number,)), (HERE, half, (number + 1,))]
    assert (yield []) == []
    (quarter,) = yield [(HERE, half, (sum(halves),))]
    return quarter


def test_items_go_from_step_to_step_and_fail_alone() -> None:
    found = {number: (result, str(error or "")) for number, result, error in in_steps([0, 1, 3], steps, HERE.width)}
    assert found == {0: (0.25, ""), 1: (0.75, ""), 3: (None, "three has no half.")}


def test_no_more_is_begun_than_keeps_the_workers_busy_and_a_full_disk_stops_all() -> None:
    begun = []

    def noted(number: int) -> Steps:
        begun.append(number)
        return steps(number)

    with pytest.raises(OutputError, match="full"):
        list(in_steps([0, 5, *range(100)], noted, HERE.width))
    assert len(begun) < 5
