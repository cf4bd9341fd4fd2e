"""Routes: one module a resource; no SQL."""
