"""cryptoctl: a serverless pipeline for cryptocurrency prices, provisioned and operated."""

__version__ = "0.1.0"
