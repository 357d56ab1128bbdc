"""Lambda functions: execution environments, synchronous and asynchronous invocations."""
