"""Word vectors learned from unlabelled texts of one's own field."""
