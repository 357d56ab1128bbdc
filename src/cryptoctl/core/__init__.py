"""Prices and indicators: pure rules, standard library only, shipped to Lambda."""
