"""DynamoDB tables: items, expressions and streams, kept in the engine's own store."""
