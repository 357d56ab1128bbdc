"""The only place that prints: plans, progress, tables, errors."""
