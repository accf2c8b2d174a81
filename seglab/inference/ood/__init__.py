"""What a network does not know: scores of pixels and of whole images, higher where they are less like the training.

A detector is a class of a few lines here and a YAML in conf/ood. All are ours: of pytorch-ood, which is no dependency,
nothing is taken, as its detectors score images of a classifier or hold all features of a data set.
"""
