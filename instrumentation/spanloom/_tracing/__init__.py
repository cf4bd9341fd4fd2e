"""Calls, recorded as OpenTelemetry spans."""
