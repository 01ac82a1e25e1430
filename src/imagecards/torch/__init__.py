"""From a dataset to tensors."""
