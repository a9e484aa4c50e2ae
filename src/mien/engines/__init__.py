"""Engines: read a face into a code, shift the code, draw it. One file each; siblings never import each other."""
