"""What each command writes with --output json. docs/json.md is generated from this; a test compares."""
