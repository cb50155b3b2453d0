import numpy as np
import pandas as pd
import pytest

from dfe_lib.actors.benchmark_people import benchmark_people
from dfe_lib.actors.benchmark_set import rendered_set
from dfe_lib.fitting.fairness import FOUND, TRAITS, fairness_table

ACTORS = rendered_set()
PEOPLE = benchmark_people()


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """Errors of about 1 mm, half a mm more for dark skin; a third of the faces of actor 2 are lost."""
    rng = np.random.default_rng(0)
    dark = (PEOPLE.skin_tone < 10).to_numpy()
    error = 1 + 0.1 * rng.normal(size=len(ACTORS.actor)) + 0.5 * dark[ACTORS.actor]
    lost = (ACTORS.actor == 2) & (rng.uniform(size=len(error)) < 1 / 3) & ~ACTORS.neutral
    return fairness_table(ACTORS.only(~lost), {"psi": error[~lost]})


def test_every_group_of_every_trait_has_people_and_an_interval(planted: pd.DataFrame) -> None:
    groups = {(trait, name) for trait, parts in TRAITS.items() for name, *_ in parts}
    for measure in ("psi", FOUND):
        rows = planted[planted.measure == measure]
        assert set(zip(rows.trait, rows.group, strict=True)) == groups
        assert (rows.groupby("trait").actors.sum() == len(PEOPLE)).all() and (rows.actors >= 5).all()
        assert (rows.ci_low <= rows["mean"]).all() and (rows["mean"] <= rows.ci_high).all()


def test_a_planted_difference_is_found_where_it_was_planted(planted: pd.DataFrame) -> None:
    rows = planted[planted.measure == "psi"].set_index(["trait", "group"])
    skin = rows.loc[("skin tone", "dark")]
    assert skin.difference == pytest.approx(0.5, abs=0.05) and skin.difference_low > 0.4
    between = rows.loc[("skin tone", "between")]
    assert between.difference_low < 0 < between.difference_high
    assert np.isnan(rows.loc[("skin tone", "light")].difference)


def test_lost_faces_count_against_the_group_of_their_actor(planted: pd.DataFrame) -> None:
    found = planted[planted.measure == FOUND].set_index(["trait", "group"])["mean"]
    assert found["skin tone", "dark"] < found["skin tone", "light"] <= 1
    assert found["age", "old"] == found[[("age", name) for name in ("young", "middle", "old")]].min()  # actor 2 is old
