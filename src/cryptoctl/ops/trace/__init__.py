"""What became of one price: from the request that brought it to its announcement."""
