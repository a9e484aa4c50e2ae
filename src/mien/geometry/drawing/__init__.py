"""From a moved head to pixels: displacement, skin, lids, eyes, mouth and light."""
