"""Prices from files that people hold: bytes, text, records, fields, prices; streaming, nothing guessed."""
