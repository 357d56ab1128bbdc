"""Live trades of exchanges: a pure core, and thin I/O around it."""
