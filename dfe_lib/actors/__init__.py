"""Actors: rendered heads of random identity, paint, light and camera whose every expression is known.

In comes the head model; out go pictures, detected landmarks in pixels, scores in [0, 1] and the true psi, to train the
estimator on and to judge it by. Actors are not people.
"""

from .actor import Actor, sample_actor
from .benchmark_set import RenderedSet, rendered_set
from .expressions import sample_expressions
from .filming import contact_sheet, film_actors

__all__ = ["Actor", "RenderedSet", "contact_sheet", "film_actors", "rendered_set", "sample_actor", "sample_expressions"]
