"""Detection of action units on coded corpora, by the protocols of the literature: three folds in which nobody is learned from and tested.

`plan` says what is tested and by whom, `scores` takes the numbers of every unit and fold, `table`, `latex` and `plot` put them beside those
that were `published`.
"""
