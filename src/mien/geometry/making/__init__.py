"""How the bundled head is made: a chart of the face, a mesh on it, organs, correctives, an atlas."""
