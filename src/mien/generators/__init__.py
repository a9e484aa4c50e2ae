"""Generators: people who do not exist, drawn from seeds. A module NAME with a function `build` is the generator NAME."""
