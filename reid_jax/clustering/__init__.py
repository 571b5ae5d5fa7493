"""Pseudo labels, computed on the host between two epochs."""
