import numpy as np
import pandas as pd
import pytest

from dfe_lib.downstream.power import people_needed, power_table
from dfe_lib.downstream.tasks import tasks_of
from dfe_lib.errors import UserError

RNG = np.random.default_rng(0)
N = 80
STRESS = RNG.integers(0, 2, N)
LABELS = pd.DataFrame({"subject_id": [f"p{i}" for i in range(N)], "stress": STRESS})
MATRICES = {
    "token words": STRESS[:, None] + 0.5 * RNG.normal(size=(N, 1)),
    "au words": 0.3 * STRESS[:, None] + RNG.normal(size=(N, 1)),
    "psi functionals": RNG.normal(size=(N, 20)),
}


@pytest.fixture(scope="module")
def power() -> pd.DataFrame:
    return power_table(MATRICES, LABELS, tasks_of(LABELS), [20, 80], repeats=12, n_draws=100)


def test_power_grows_with_people_and_signal_and_noise_has_none(power: pd.DataFrame) -> None:
    table = power.pivot_table(index="representation", columns="n_subjects", values="power")
    assert (table[80] >= table[20])[["token words", "au words"]].all()
    assert table.loc["token words", 80] == 1
    assert table.loc["token words", 20] > table.loc["au words", 20]
    assert table.loc["psi functionals"].max() <= 0.4


def test_a_larger_study_reports_a_narrower_interval(power: pd.DataFrame) -> None:
    width = (power.ci_high - power.ci_low).groupby(power.n_subjects).mean()
    assert width[80] < 0.7 * width[20]
    assert power["mean"].between(power.ci_low, power.ci_high).all()


def test_people_needed_is_the_size_from_which_on_power_is_enough(power: pd.DataFrame) -> None:
    needed = people_needed(power).set_index("representation").people
    assert needed["token words"] <= 80
    assert np.isnan(needed["psi functionals"])
    up_and_down = pd.DataFrame(
        {"task": "a", "representation": "b", "metric": "auc", "n_subjects": [20, 50, 100], "power": [0.9, 0.1, 0.9]}
    )
    assert people_needed(up_and_down).people.tolist() == [100]


def test_sizes_and_rows_must_be_people(power: pd.DataFrame) -> None:
    with pytest.raises(UserError, match="80 people"):
        power_table(MATRICES, LABELS, tasks_of(LABELS), [100])
    with pytest.raises(UserError, match="one row a person"):
        power_table(MATRICES, LABELS.assign(subject_id="p"), tasks_of(LABELS), [20])
