"""`python -m seglab`: the commands, the groups and how to ask for more."""

import ast

from seglab import PACKAGE
from seglab.config import command
from seglab.config.help import group_text
from seglab.config.suggest import all_groups


def show() -> None:
    print("Commands, each with --help:\n")
    files = sorted({*PACKAGE.glob("*.py"), PACKAGE / "runs" / "__main__.py"} - {PACKAGE / "__main__.py"})
    for path in files:
        says = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if says.startswith("`python -m seglab."):
            call, _, meaning = says.splitlines()[0].partition("`: ")
            print(f"  {call.strip('`'):32} {meaning}")
    print("\nGroups of python -m seglab.train, to choose from with group=option:\n")
    for group in all_groups():
        if group not in ("table", "class_weights", "experiment"):
            print(group_text(group) + "\n")
    print("More of them: python -m seglab.train --help experiment, table, class_weights")


def main() -> None:
    command.run(show)


if __name__ == "__main__":
    main()
