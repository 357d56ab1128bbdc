"""CloudWatch metrics: what functions and queues do, embedded metrics of log lines, and alarms."""
