"""Whether Weights & Biases knows who asks, found out without importing it: wandb itself would ask for a key."""

import netrc
import os
import re

_KEYS = ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE")


def has_account() -> bool:
    """Whether there is a key in the environment, or in ~/.netrc for the server that $WANDB_BASE_URL names."""
    return any(os.environ.get(name) for name in _KEYS) or _has_netrc_entry()


def _has_netrc_entry() -> bool:
    host = re.sub(r"^https?://|[:/].*$", "", os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai"))
    for path in (os.environ.get("NETRC"), "~/.netrc", "~/_netrc"):
        try:
            if path and netrc.netrc(os.path.expanduser(path)).authenticators(host):
                return True
        except (OSError, netrc.NetrcParseError):
            continue
    return False
