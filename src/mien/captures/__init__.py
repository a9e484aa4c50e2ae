"""Captures: photos in, head codes out. One file each; siblings never import each other."""
