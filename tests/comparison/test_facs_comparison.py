import numpy as np
import pandas as pd
import pytest
import torch
from planted import PlantedDisplays

from dfe_lib.blendshapes import ACTIONS
from dfe_lib.cohort.cohort import CohortConfig, write_cohort
from dfe_lib.comparison.facs_comparison import FacsComparison, compare_with_facs
from dfe_lib.comparison.frame_sets import SPLIT
from dfe_lib.io.tables import REAL, SIMULATED, expressions_schema, table_writer
from dfe_lib.morphable.space import expression_space
from dfe_lib.quantisation.rvqvae import RvqVae, RvqVaeConfig

FRAMES = {"anna": 40, "ben": 40, "cleo": 40, "picture": 1}
FOLD = {"anna": 0, "ben": 1, "cleo": 1}


def model(seed: int) -> RvqVae:
    return RvqVae(RvqVaeConfig(ACTIONS, codebook_size=16, n_stages=2), seed=seed).eval()


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> FacsComparison:
    """Three real people in two folds, one in a picture, and two simulated ones."""
    folder = tmp_path_factory.mktemp("run")
    psi = PlantedDisplays.invented().sample(sum(FRAMES.values()))[0]
    for person, count in FRAMES.items():
        rows, psi = psi[:count], psi[count:]
        with table_writer(folder / "expressions" / f"{person}.parquet", expressions_schema(ACTIONS)) as table:
            table.write(
                {"clip_id": person, "subject_id": person, "face_id": 0, "frame": np.arange(count),
                 "time_s": np.arange(count) / 10, "data": REAL, "psi": rows, "residual_mm": 0.1, "valid": True}
            )  # fmt: skip
    write_cohort(CohortConfig(2, 0.1, 10), folder / "cohort")
    for fold in (0, 1):
        model(fold).save_pretrained(folder / "model" / "folds" / str(fold))
    model(0).save_pretrained(folder / "model")
    pd.DataFrame(FOLD.items(), columns=["subject_id", "fold"]).to_csv(folder / "model" / "folds.csv", index=False)
    split = [(REAL, person, "heldout" if person == "anna" else "train") for person in FOLD]
    split += [(SIMULATED, f"sim000_000{i}", "train" if i else "heldout") for i in range(2)]
    pd.DataFrame(split, columns=["data", "subject_id", "split"]).to_csv(folder / "model" / SPLIT, index=False)
    space = expression_space(ACTIONS)
    return compare_with_facs(folder / "model", space, folder / "expressions", folder / "cohort", 60, 200)


def test_every_real_person_is_coded_by_the_model_that_has_not_seen_them(comparison: FacsComparison) -> None:
    kind = comparison.kinds[REAL]
    assert kind.frames.heldout.all() and kind.frames.people.tolist() == list(FRAMES)
    code = kind.code("dfe", "tokens")
    for person, fold in (FOLD | {"picture": 0}).items():
        here = kind.frames.subject == person
        tokens = model(fold).encode(torch.as_tensor(kind.frames.psi[here], dtype=torch.float32))
        assert np.array_equal(code.symbols[here], tokens.numpy()), person


def test_people_count_alike(comparison: FacsComparison) -> None:
    counts = np.unique(comparison.kinds[REAL].frames.subject, return_counts=True)[1]
    assert counts.tolist() == [20, 20, 20, 1]


def test_intervals_are_over_all_real_people(comparison: FacsComparison) -> None:
    table = comparison.coverage().query("data == 'real' and region == 'all'")
    assert (table.people == 4).all() and (table.ci_low < table.ci_high).all()


def test_every_face_of_the_gallery_has_a_title(comparison: FacsComparison) -> None:
    contrasts = comparison.contrasts()
    for data in (SIMULATED, REAL):  # of real frames, and of some simulated ones, nobody knows the display
        kinds = {data: comparison.kinds[data]}
        _, groups = FacsComparison(comparison.model, comparison.space, comparison.learnt, kinds).gallery(contrasts, 20)
        titles = [title for group in groups.values() for title in group]
        assert titles and all(title.strip() for title in titles), data
