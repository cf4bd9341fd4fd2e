"""Objects: anything published under a name, version by version, and got back as data."""
