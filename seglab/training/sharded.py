"""A network whose weights are divided among devices: FSDP2, by torch's `fully_shard` under Lightning."""

from collections.abc import Iterator
from functools import partial

import seglab.lean_imports  # noqa: F401

import torch.distributed
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import nn

_LEAST = 1_000_000  # weights of a layer that is gathered by itself; smaller ones come with what holds them


def shard_when_set_up(module: LightningModule, trainer: Trainer) -> None:
    """Has the weights of `module.network` divided when the trainer's processes are there, where it divides weights.

    Lightning asks for the hook `configure_model`. Not a method of the module's class: of that its own averages of
    weights warn, whether anything is divided or not.
    """
    if isinstance(trainer.strategy, ModelParallelStrategy):
        module.configure_model = partial(_shard, module)
        trainer.callbacks.insert(0, OneSetOfBuffers())


def _shard(module: LightningModule) -> None:
    """Blocks of the network for themselves, the rest together: of the blocks one at a time is whole in memory.

    The mesh is (machines, devices of a machine): divided within a machine, repeated on each.
    """
    from torch.distributed.fsdp import FSDPModule, fully_shard  # a second of imports

    network = module.network
    assert isinstance(network, nn.Module)
    if isinstance(network, FSDPModule):
        return
    network.to(memory_format=torch.contiguous_format)  # fully_shard takes no other
    for block in _blocks(network):
        fully_shard(block, mesh=module.device_mesh)
    fully_shard(network, mesh=module.device_mesh)


def _blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The outermost members of lists and sequences that are called as a whole and have many weights."""
    for child in module.children():
        is_list = isinstance(child, nn.ModuleList | nn.ModuleDict | nn.Sequential)
        is_member = isinstance(module, nn.ModuleList | nn.Sequential)
        if is_member and not is_list and sum(weight.numel() for weight in child.parameters()) >= _LEAST:
            yield child
        else:
            yield from _blocks(child)


class OneSetOfBuffers(Callback):
    """Before each validation all processes take BatchNorm's statistics of the first, which are those that are saved.

    DDP does so at each step. Without SyncBatchNorm those of the others are of their own images.
    """

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if torch.distributed.is_initialized():
            for buffer in pl_module.network.buffers():
                torch.distributed.broadcast(buffer, src=0)
