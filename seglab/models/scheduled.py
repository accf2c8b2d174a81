"""What a network is that changes in the course of a training: it is told before each step how far that has come."""

from abc import ABC, abstractmethod


class Scheduled(ABC):
    """Beside torch.nn.Module among the bases of a network.

    What `set_progress` sets depends on its argument alone and is no part of a checkpoint, so that a continued training
    goes on exactly. It may show in training mode only: whoever evaluates a checkpoint knows no progress.
    """

    @abstractmethod
    def set_progress(self, progress: float) -> None:
        """Called before each step, with the share of all steps of the training that are done: 0 before the first."""
