"""What the operating commands do, as functions that return values; nothing here prints."""
