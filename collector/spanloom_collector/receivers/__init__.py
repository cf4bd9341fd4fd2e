"""Transports: OTLP over gRPC and HTTP."""
