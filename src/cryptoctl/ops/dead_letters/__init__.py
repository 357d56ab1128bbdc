"""Dead letters: what failed and why, and how it comes back without losing or doubling a price."""
