"""Data sets and teachers: what recipes learn from and metrics measure on."""
