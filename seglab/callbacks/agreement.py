"""One number that all processes of a training know after the same step."""

import torch
from torch import distributed


class Agreement:
    """The largest number that any process of the training has said, known to all of them at the same call.

    It travels between the CPUs: nothing waits for a device. What is said in one call is answered in the next, so that
    a process waits for others only if they are a whole step behind. A process that has died is noticed here too: the
    call raises RuntimeError.
    """

    def __init__(self) -> None:
        group = distributed.new_group(backend="gloo")
        assert isinstance(group, distributed.ProcessGroup)  # this process is one of them
        self._group = group
        self._said = torch.zeros(1, dtype=torch.int64)
        self._answer: distributed.Work | None = None

    def exchange(self, number: int) -> int:
        """What was agreed upon at the call before; 0 at the first one. Every process calls it, step by step."""
        if self._answer is not None:
            self._answer.wait()
        agreed = int(self._said)
        self._said = torch.tensor([max(number, agreed)])
        self._answer = distributed.all_reduce(self._said, distributed.ReduceOp.MAX, group=self._group, async_op=True)
        return agreed
