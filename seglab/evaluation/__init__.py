"""The scores of a trained run, or of a folder of predictions, with the protocol that they were measured by.

`columns.py` names each score once. May import inference, training, metrics, data, display and all below.
"""
