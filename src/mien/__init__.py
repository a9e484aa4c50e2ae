"""mien: read, edit, capture, animate and generate facial expression in one language, FACS action units."""
