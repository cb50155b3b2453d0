"""The look of all figures: seaborn's ticks, in colours that are safe for colour-blind readers."""

import seaborn as sns

__all__ = ["sns"]

sns.set_theme(context="notebook", style="ticks", palette="colorblind")
