"""What happens during a training beside its steps: checkpoints, exact continuation, progress, guards, pictures.

May import models, losses, metrics, data, display, loggers, config, runs and what lies below them; not the training
that they hang in.
"""
