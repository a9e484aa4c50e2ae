"""Synthetic faces with exact labels: the head model drawn as a stranger in a light, and given photos with other expressions.

`scenes` draws lots, `drawing` renders, `warping` moves photos, `making` fills a folder, `store` reads it back.
"""
