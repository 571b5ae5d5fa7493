"""Image encoders: trunks, poolings, necks, heads, and the loading of their weights."""
