"""Statistics without a business inside."""
