"""What was recorded, read back from the server: calls, their feedback, frames of them."""
