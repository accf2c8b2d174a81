"""The device that a key of a command means, and the name that a record gives it."""

import torch

from seglab.errors import SeglabError, first_line


def device_of(name: str) -> torch.device:
    """The device that `name` means: auto is the GPU where there is one. Raises SeglabError when it is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise SeglabError(
            f"expected a device that is there (auto, cpu, cuda, cuda:1); device={name!r}: {first_line(error)}"
        ) from error


def device_name(device: torch.device) -> str:
    """'NVIDIA H100 80GB HBM3' or 'cpu'."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def cpu_name() -> str:
    """'AMD EPYC 7763 64-Core Processor', as the system calls it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            name = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    except OSError:
        name = ""
    return name or "cpu"


def wait_for(device: torch.device) -> None:
    """Returns when the device has computed all that it was given: a GPU works on while Python goes ahead."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
