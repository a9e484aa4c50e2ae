"""Find faces, lay landmarks on them, cut them out and put them back."""
