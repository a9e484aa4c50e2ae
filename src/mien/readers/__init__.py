"""Readers: faces in, action units out. One file each; siblings never import each other."""
