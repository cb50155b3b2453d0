import numpy as np

from dfe_lib.io.palette import COLOURS, with_palette


def noisy(size: int = 400) -> np.ndarray:
    """A picture of some hundred thousand colours, most of them greens and blues."""
    shares = np.random.default_rng(0).random((size, size, 3)) * (0.2, 1, 1)
    return (255 * shares).astype(np.uint8)


def test_a_small_mark_keeps_its_colour_beside_a_large_picture() -> None:
    picture = noisy()
    picture[:6, :6] = (2, 158, 115)
    drawn = with_palette(picture)
    assert drawn.mode == "P" and len(drawn.getcolors()) <= COLOURS
    assert (np.asarray(drawn.convert("RGB"))[:6, :6] == (2, 158, 115)).all()


def test_few_colours_are_all_kept() -> None:
    picture = np.repeat(np.arange(60, dtype=np.uint8)[:, None, None], 3, axis=2) * np.array([1, 2, 4], np.uint8)
    assert (np.asarray(with_palette(picture).convert("RGB")) == picture).all()


def test_a_thin_scale_has_its_steps_beside_a_large_picture() -> None:
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[:, 20:] = noisy()[:, 20:] // 16 * 16
    picture[:250, 4:16, 0] = np.arange(250)[:, None]
    drawn = np.asarray(with_palette(picture).convert("RGB")).astype(int)
    assert np.abs(drawn - picture)[:250, 4:16].max() <= 12
