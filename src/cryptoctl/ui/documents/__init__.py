"""What each command writes with --output json. docs/json.md is made of this; a test compares."""
