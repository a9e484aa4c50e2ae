"""Bundled open weights, each with its model card."""
