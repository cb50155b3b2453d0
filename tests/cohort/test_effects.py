import numpy as np
import pytest

from dfe_lib.cohort.displays import DISPLAYS, display_index
from dfe_lib.cohort.effects import EFFECTS, effect_shifts, effects_of
from dfe_lib.cohort.people import sample_person
from dfe_lib.cohort.sessions import TASKS
from dfe_lib.errors import UserError

LABELS = dict.fromkeys(
    ("stress", "depression", "openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism"), 0.5
)


def test_displays_are_where_the_switch_says() -> None:
    beyond = {display.name for display in DISPLAYS if display.beyond_facs}
    for effect in EFFECTS:
        assert {display_index(name) for name in effect.displays}
        if effect.where != "timing":
            assert set(effect.displays) <= beyond if effect.where == "beyond" else not set(effect.displays) & beyond
        assert (effect.where == "timing") == (effect.kind != "rate")
    assert len(effects_of("all")) == len(EFFECTS)
    with pytest.raises(UserError, match="effect_where must be one of"):
        effects_of("nowhere")


def test_no_effect_no_shift_and_the_switch_moves_rates_or_times_alone() -> None:
    null = effect_shifts(LABELS, "all", 0)
    assert not null.rates.any() and not null.ramps.any() and not null.regularity.any()
    timing, detectable = effect_shifts(LABELS, "timing", 1), effect_shifts(LABELS, "detectable", 1)
    assert not timing.rates.any() and timing.ramps.any() and timing.regularity.any()
    assert detectable.rates.any() and not detectable.ramps.any()
    larger = effect_shifts(LABELS, "detectable", 1.5)
    moved = detectable.rates != 0
    assert (np.abs(larger.rates[moved]) > np.abs(detectable.rates[moved])).all()


def test_the_shift_gives_the_effect_that_it_is_solved_for() -> None:
    """Counts drawn straight from the model: Poisson around log-normal rates, shifted by the label."""
    rng = np.random.default_rng(0)
    effect = next(each for each in EFFECTS if each.label == "stress" and "jaw_thrust" in each.displays)
    rows = [display_index(name) for name in effect.displays]
    people = [sample_person(np.random.default_rng([1, index])) for index in range(1500)]
    from dfe_lib.cohort.people import mean_counts

    groups = []
    for side in (-0.5, 0.5):
        shift = (
            effect_shifts(LABELS | {"stress": side}, "beyond", 1).rates[rows]
            - effect_shifts(LABELS | {"stress": 0.0}, "beyond", 1).rates[rows]
        )
        rates = [mean_counts(5.0)[rows] * np.exp(person.log_rates[rows] + shift) for person in people]
        groups.append(rng.poisson(np.stack(rates)).sum((1, 2)))
    d = (groups[1].mean() - groups[0].mean()) / np.sqrt((groups[0].var() + groups[1].var()) / 2)
    assert d == pytest.approx(effect.size, abs=0.08)


def test_tasks_of_effects_exist() -> None:
    assert {task for effect in EFFECTS for task in effect.tasks} <= {task.name for task in TASKS}
