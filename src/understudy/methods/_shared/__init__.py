"""What the methods of more than one paper use."""
