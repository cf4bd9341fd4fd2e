"""What leaves the process: secrets masked, what is large beside the spans instead of in them."""
