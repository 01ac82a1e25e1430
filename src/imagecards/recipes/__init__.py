"""Whole ways from published data to files for training, each built from the library's own pieces."""
