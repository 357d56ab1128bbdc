"""What an environment costs, estimated without asking AWS."""
