"""Datasets in opsml 3, whose cards protect nobody by themselves. Needs the extra ``opsml``."""
