"""The field's test protocols: what is trained on what, tested on what, and how often."""
