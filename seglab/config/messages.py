"""The errors of Hydra and OmegaConf in the words of a user: what was expected, what came, what to do."""

import re

import yaml
from hydra.errors import (
    ConfigCompositionException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
    SearchPathException,
)
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from seglab.config.resolve import reason
from seglab.config.signatures import find_definition
from seglab.config.suggest import all_groups, meant_key, meant_option
from seglab.errors import SeglabError, did_you_mean, disk_message, first_line

_EXTRAS = {  # of pyproject.toml, by the option of Hydra that a plugin brings
    "hydra/sweeper/optuna": "optuna",
    "hydra/launcher/joblib": "joblib",
    "hydra/launcher/submitit_slurm": "slurm",
    "hydra/launcher/submitit_local": "slurm",
}
_HOME = re.compile(r"(?<=[=,\[:\"' ])~(?=/|$)")  # at the beginning of a value


def message_for(error: BaseException) -> str | None:
    """What the user did wrong and how to mend it; None for an error that is not theirs."""
    if isinstance(error, SeglabError):
        # PyTorch puts the whole traceback of a loader's process into the message
        return str(error).rpartition("seglab.errors.SeglabError: ")[2].strip()
    if isinstance(error, InstantiationException):
        return _refused(error.__cause__)
    if isinstance(error, MissingConfigException):
        return _missing_config(error)
    if isinstance(error, OverrideParseException):
        return _unreadable(error)
    if isinstance(error, ConfigCompositionException):
        return _composition(error)
    if isinstance(error, SearchPathException):
        return f"{first_line(error)} - expected a folder of your own groups after --config-dir"
    if isinstance(error, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(error, written=None)
    if isinstance(error, OmegaConfBaseException):
        ours = str(error.full_key or "").startswith("hydra.") and SeglabError.__name__ in str(error)
        return f"{error.full_key}: {reason(error)}" if error.full_key and not ours else reason(error)
    if isinstance(error, yaml.YAMLError):
        return "this is not YAML: " + " ".join(str(error).split())
    if isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid"):
        return (
            f"a worker process that reads the data has died: {first_line(error)} - it may want memory or room in "
            "/dev/shm: set data.num_workers to less, or to 0 to read in the process of the run"
        )
    if "InvalidCxxCompiler" in str(error):  # torch's own, of a module that would take seconds to import
        return (
            "trainer.compile=true: expected a C++ compiler, with which torch.compile makes its code; came none - "
            "install g++ or name one in the variable CXX, or leave trainer.compile out"
        )
    return disk_message(error) if isinstance(error, OSError) else None


def _refused(cause: BaseException | None) -> str | None:
    """What a constructor had against its arguments, where that is addressed to the user."""
    if re.search("No supported gpu backend|can not run on your system", str(cause)):
        return (
            f"trainer.accelerator: expected a GPU that PyTorch can use, came none ({cause}) - "
            "leave trainer=... out to take what is there, or write trainer.accelerator=cpu"
        )
    # Lightning's, which is not imported here; and what a device needs that is not installed, such as torch_xla
    if type(cause).__name__ in ("MisconfigurationException", "ModuleNotFoundError"):
        return f"trainer: {cause}"
    return message_for(cause) if isinstance(cause, SeglabError) else None


def _unreadable(error: OverrideParseException) -> str:
    override = error.override
    if _HOME.search(override):
        home = _HOME.sub("$HOME", override)
        return f"cannot read {override!r}: a shell knows ~ only at the beginning of a word - write {home}"
    said = [line for line in error.message.splitlines() if not line.startswith(("Error parsing override", "See "))]
    key, _, value = override.partition("=")
    quoted = f"""'{key}="{value}"'""" if not {"'", '"'} & set(value) else "KEY='\"VALUE\"'"
    why = f" ({said[0]}) - a value with special characters is quoted twice: {quoted}" if value and said else ""
    option = meant_option(override, groups=all_groups())
    return f"cannot read the override {override!r}; expected key=value{why}" + (
        f" - did you mean {option}?" if option else ""
    )


def _missing_config(error: MissingConfigException) -> str:
    group, _, option = str(error.missing_cfg_file).rpartition("/")
    if not group:
        return f"no configuration file {option!r}; expected the name of a YAML file beside conf/train.yaml"
    if extra := _EXTRAS.get(f"{group}/{option}"):
        return f'{group}={option} needs packages that are not installed - pip install "seglab[{extra}]"'
    if not error.options:
        return f"no option {option!r} for {group!r}, which is no group with options in conf/ or --config-dir"
    near = did_you_mean(option, error.options)
    if not near and (other := meant_option(option, groups=all_groups())):
        near = f" - did you mean {other}?"
    return f"no option {option!r} for {group!r}{near}\n  {group} can be: {', '.join(error.options)}"


def _composition(error: ConfigCompositionException) -> str | None:
    text, cause = str(error), error.__cause__
    if isinstance(cause, ConfigKeyError | ConfigAttributeError):
        return _unknown_key(cause, written=text.rpartition("config use +")[2] or None)
    if isinstance(cause, OmegaConfBaseException):
        return f"{cause.full_key}: {reason(cause)}"
    if text.startswith("Ambiguous value for argument"):
        override = first_line(error).partition("'")[2].removesuffix("'")
        key, _, values = override.partition("=")
        return (
            f"{override!r} holds several values; expected one - to run each of them add -m, "
            f"to pass a list write {key}=[{values}]"
        )
    if cause is not None:
        return message_for(cause)
    return " ".join(text.split())


def _unknown_key(error: ConfigKeyError | ConfigAttributeError, *, written: str | None) -> str:
    """Names the keys that are there; `written` is the override as it was typed."""
    node, key = error.parent_node, str(error.key)
    where = (error.full_key or key).rpartition(".")[0]
    keys = [str(name) for name in node if not str(name).startswith("_")] if isinstance(node, DictConfig) else []
    if not where:
        keys = ["experiment", *(name for name in keys if name != "hydra")]  # a group without a key of its own
    target = _target(node)
    definition = find_definition(target) if target else None
    arguments = list(definition.parameters) if definition else []
    if written is not None and key in arguments:
        return f"{where} does not set {key!r} yet; to add this argument of {target} write +{written}"
    root = node._get_root() if isinstance(node, DictConfig) else None
    near = meant_key(key, siblings=keys, arguments=arguments, root=root) if isinstance(root, DictConfig) else None
    hint = f" - did you mean {near!r}?" if near else f"; expected one of {', '.join(sorted(keys))}" if keys else ""
    return f"no key {key!r} in {f'{where!r}' if where else 'the configuration'}{hint}"


def _target(node: object) -> str | None:
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return None
    try:
        return str(OmegaConf.select(node, "_target_", throw_on_resolution_failure=False))
    except OmegaConfBaseException:
        return None
