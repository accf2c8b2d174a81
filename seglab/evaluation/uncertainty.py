"""What `uncertainty` of conf/evaluate.yaml may say, judged before anything heavy is imported."""

from collections.abc import Mapping
from typing import Any

from seglab.config.ranges import one_of, require, whole
from seglab.errors import SeglabError
from seglab.runs.find import is_exported

_RANGES = {
    "mc_dropout": {"samples": whole(2), "seed": whole(0)},
    "tta": {},
    "ensemble": {},
}


def check(settings: Mapping[str, Any]) -> None:
    """Raises SeglabError for members that cannot be, or a list of runs without `uncertainty=ensemble`."""
    asked, run = settings["uncertainty"], settings["run"]
    method = None if asked is None else asked.get("method") if isinstance(asked, Mapping) else asked
    if isinstance(run, list) != (method == "ensemble"):
        raise SeglabError(
            f"run={','.join(map(str, run)) if isinstance(run, list) else run}: expected several runs with "
            f"uncertainty=ensemble and one else; came uncertainty={method or 'null'} - "
            + ("add uncertainty=ensemble" if isinstance(run, list) else "write run=[a,b,c]")
        )
    if asked is None:
        return
    if not isinstance(asked, Mapping):
        raise SeglabError(f"uncertainty is {asked!r}; expected one of its group: {', '.join(_RANGES)}, or null")
    require({"uncertainty": asked}, {"uncertainty.method": one_of(*_RANGES)})
    ranges = _RANGES[asked["method"]]
    strange = [key for key in asked if key not in ("method", *ranges)]
    if strange:
        raise SeglabError(
            f"uncertainty.{strange[0]}: expected of {method} {', '.join(ranges) or 'no key beside its method'}; came "
            f"{asked[strange[0]]!r} - leave it out"
        )
    require({"uncertainty": asked}, {f"uncertainty.{key}": rule for key, rule in ranges.items()})
    members = run if isinstance(run, list) else [run]
    if method == "ensemble" and (len(members) < 2 or len(set(members)) < len(members)):
        raise SeglabError(
            f"uncertainty=ensemble: expected two runs or more, each once; came run={','.join(map(str, members))} - "
            "write run=[a,b,c]"
        )
    if exported := [name for name in members if is_exported(name)]:
        raise SeglabError(f"uncertainty={method}: expected a trained run; came the exported network {exported[0]} - "
                          "give the run that it came from")  # fmt: skip
    if settings["post"] is not None:
        raise SeglabError(f"uncertainty={method}: expected post=null, as members are averaged before anything is "
                          f"refined; came post={settings['post']} - leave one of the two out")  # fmt: skip
    if method == "tta" and len(settings["scales"]) * (1 + settings["flip"]) < 2:
        raise SeglabError(
            f"uncertainty=tta: expected several views; came scales={settings['scales']} flip=false, which is one - add "
            "flip=true or scales=[0.75,1.0,1.25]"
        )
