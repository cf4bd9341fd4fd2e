"""The filter language: text → tree → a condition of the engine that holds the rows."""
