"""Reads: SQL in, dataclasses out. Nothing here knows HTTP."""
