"""The dashboard: a page on loopback that shows an environment, and a file that shows it without a server."""
