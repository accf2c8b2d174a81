"""Classes of known libraries that fit their group and cannot work here, with what to do instead."""

UNSUPPORTED = {
    "lightning.pytorch.callbacks.lr_finder.LearningRateFinder": (
        "it trains with a learning rate that no configuration names; expected optimizer.lr - look for the best in a "
        "sweep of short runs: -m optimizer.lr=1e-4,1e-3,1e-2 trainer.max_epochs=2"
    ),
    "lightning.pytorch.callbacks.batch_size_finder.BatchSizeFinder": (
        "it trains with a batch size that no configuration names and that depends on the machine; expected "
        "data.batch_size - try the largest with a run of one step: data.batch_size=32 trainer.max_steps=1"
    ),
}
