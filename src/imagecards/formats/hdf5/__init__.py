"""HDF5: examples for training, ready to be read at random.

Two layouts. ``packed`` is one compressed dataset each of images, labels and keys: small and fast. ``examples`` is that
of a converter for Severstal's images, for readers of it: a group for each example. Both say of each example which image
and record it was made from.
"""

from imagecards.formats.format import Format
from imagecards.formats.hdf5.guard import GuardedFile, check_file
from imagecards.formats.hdf5.normalising import Normalisation, normalised
from imagecards.formats.hdf5.reading import Example, Examples
from imagecards.formats.hdf5.recipe import Recipe
from imagecards.formats.hdf5.watched import Limits
from imagecards.formats.hdf5.writing import write_examples, write_hdf5

FORMAT = Format(
    name="hdf5",
    title="HDF5 examples for training",
    extensions=(".h5",),
    holds=frozenset({"boxes", "masks", "image categories", "splits"}),
    write=write_hdf5,
)

__all__ = [
    "FORMAT",
    "Example",
    "Examples",
    "GuardedFile",
    "Limits",
    "Normalisation",
    "Recipe",
    "check_file",
    "normalised",
    "write_examples",
]
