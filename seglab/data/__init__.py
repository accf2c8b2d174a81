"""Data sets, augmentation, and the loader whose order can be repeated and resumed."""
