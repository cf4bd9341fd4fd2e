"""Decorate an app; every call becomes an OpenTelemetry span."""
