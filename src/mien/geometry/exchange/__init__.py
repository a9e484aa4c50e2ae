"""A head in the formats of others: textures, glTF, OBJ, ARKit."""
