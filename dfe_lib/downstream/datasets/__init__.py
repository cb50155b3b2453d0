"""Data sets of the field: what each holds, how to apply for it, and the table of its clips and labels.

In comes the folder of a licensed copy, which is checked; out goes `clips.csv` with clip, path, subject, split and
labels in the data set's own units. Nothing is downloaded.
"""

from .catalogue import describe, list_datasets, read_dataset, summary, write_dataset

__all__ = ["describe", "list_datasets", "read_dataset", "summary", "write_dataset"]
