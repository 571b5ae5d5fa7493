"""What an engineer checks by hand of an encoder and some pictures, and what it means."""
