"""What a run came to, as text and as a page."""
