"""Recipes: one readable training script for each model that ships."""
