"""One training: from a checked configuration to modules, optimizer and schedule, fitted or continued.

May import callbacks, losses, metrics, data, models and all below.
"""
