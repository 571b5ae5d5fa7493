"""The papers' tables: rows, one file for each experiment, their figures, and what runs them."""
