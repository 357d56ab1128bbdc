"""The filter pattern for errors in the functions' logs: what error-notifier is told of."""

# Error records of ours and of Lambda's runtime, text-format errors, tracebacks, timeouts and crashes.
# Terms are matched to the letter: a user's text inside a JSON line has its quotes escaped, so that an
# info line that merely speaks of an error does not match.
ERROR_PATTERN = " ".join(
    f"?{term}"
    for term in (
        r'"\"level\":\"ERROR\""',
        r'"\"level\":\"CRITICAL\""',
        r'"\"level\": \"ERROR\""',
        r'"\"level\": \"CRITICAL\""',
        r'"\"log_level\":\"ERROR\""',
        r'"\"log_level\": \"ERROR\""',
        r'"[ERROR]"',
        r'"Traceback (most recent call last)"',
        r'"Task timed out after"',
        r'"Runtime exited with"',
        r'"Process exited before completing request"',
        r'"Status: timeout"',
        r'"Status: error"',
        r'"\"status\":\"timeout\""',
        r'"\"status\":\"failure\""',
        r'"\"status\":\"error\""',
        r'"\"errorType\":\"Runtime."',
        # A part of a batch that failed and is given back to the stream; see handlers/logs.py.
        r'"\"message\":\"enrichment failed, and will be tried again\""',
    )
)
