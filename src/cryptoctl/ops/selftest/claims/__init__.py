"""The claims that are written out, by what they are about."""
