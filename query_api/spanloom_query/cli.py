"""The command ``spanloom``."""


def main() -> None:
    """Run the command line."""
