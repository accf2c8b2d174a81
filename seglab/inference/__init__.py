"""Label maps of images, folders and videos by a trained network, and their conversion into what others want.

May import training (to load a run), data, display, models and all below.
"""
