"""Faces in photos: find, measure landmarks, cut out, paste back."""
