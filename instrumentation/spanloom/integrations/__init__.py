"""Model clients, one module each: whose OpenTelemetry instrumentation ``init`` switches on, and how.

Nothing here patches a client. What does is an instrumentation that others maintain, installed by an
extra such as ``spanloom[openai]``, and switched on when the app imports the client.
"""
