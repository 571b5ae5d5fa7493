"""State that a method keeps between steps besides the weights, and its update rules."""
