"""Models, datasets and scorers, and the evaluation that brings them together."""
