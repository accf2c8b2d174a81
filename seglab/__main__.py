"""`python -m seglab`, or `seglab` where it is installed: a command, or what there is and how to ask for more."""

import runpy
import sys

from seglab.config import command
from seglab.config.help import commands, group_text
from seglab.config.suggest import all_groups
from seglab.errors import SeglabError, did_you_mean


def show() -> None:
    print("Commands, each with --help; where seglab is installed, `seglab train` and so on does the same:\n")
    for call, meaning in commands().values():
        print(f"  {call:32} {meaning}")
    print("\nGroups of python -m seglab.train, to choose from with group=option:\n")
    for group in all_groups():
        if group not in ("table", "class_weights", "experiment"):
            print(group_text(group) + "\n")
    print("More of them: python -m seglab.train --help experiment, table, class_weights")


def refuse() -> None:
    raise SeglabError(
        f"expected a command, one of {', '.join(commands())}; came {sys.argv[1]!r}"
        f"{did_you_mean(sys.argv[1], commands())}"
    )


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        command.run(show)
    elif name not in commands():
        command.run(refuse)
    else:
        del sys.argv[1]
        # exactly what python -m does: a training on several devices starts its other processes in the same way
        runpy.run_module(f"seglab.{name}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
