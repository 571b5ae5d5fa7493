"""Evaluation of retrieval: ranked lists, distance histograms and a colour baseline."""
