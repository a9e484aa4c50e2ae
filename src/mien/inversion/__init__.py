"""From a picture to the code that draws it: an encoder, then the code refined, then the generator tuned about it."""
