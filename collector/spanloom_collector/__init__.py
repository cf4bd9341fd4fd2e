"""Take OTLP, write ClickHouse."""
