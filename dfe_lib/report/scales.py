"""Ends of scales of displacements in mm, alike in every picture and page."""

__all__ = ["LIMITS_MM", "scale_end"]

LIMITS_MM = (0.5, 1, 2, 3, 5, 10, 20, 40)


def scale_end(mm: float) -> float | int:
    """The first of `LIMITS_MM` that is no less; the last where all are.

    >>> scale_end(3.2), scale_end(70.0)
    (5, 40)
    """
    return next((each for each in LIMITS_MM if each >= mm), LIMITS_MM[-1])
