"""The self-test: what cryptoctl takes for granted about AWS, checked in an account, and a report of it."""
