"""The embedded engine: AWS on this machine, for as much of it as the pipeline leans on."""
