"""From a wish and an observation to a plan, and from a plan to a converged stack."""
