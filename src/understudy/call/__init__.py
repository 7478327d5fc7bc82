"""One call's way from a method to a provider and back."""
