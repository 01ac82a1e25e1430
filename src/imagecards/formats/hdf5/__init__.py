"""HDF5: examples for training, ready to be read at random."""

from imagecards.formats.hdf5.guard import GuardedFile, Limits, check_file

__all__ = ["GuardedFile", "Limits", "check_file"]
