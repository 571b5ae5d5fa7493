"""The figures of runs in files, compared with each other."""
