"""ClickHouse: connections, schema, rows. The only package that knows the engine."""
