"""The embedded engine: AWS as far as the pipeline needs it, in one process group on this machine."""
