"""Readers of published data sets, a file each; `published` has them by name."""
