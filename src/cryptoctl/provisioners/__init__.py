"""One file for each kind of AWS resource; `queue.py` is the exemplar."""
