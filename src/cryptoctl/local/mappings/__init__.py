"""Event source mappings over DynamoDB streams, with AWS's rules."""
