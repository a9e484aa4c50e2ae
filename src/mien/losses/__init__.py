"""Losses of faces, codes and words, shared by recipes and by inversion."""
