"""Tracks of persons over the frames of a video: Deep SORT, its scores, and persons of cameras.

Wojke et al., arXiv 1703.07402. Pure functions over NamedTuples of numpy arrays.
"""
