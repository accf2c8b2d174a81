"""`python -m seglab.completion`: tab completion of the command `seglab`, for bash.

Hydra completes a script such as `python train.py`, but no command with commands. What may follow a key is asked of it
all the same, in a second, by calling the command with what has been typed so far.
"""

from string import Template

from seglab.config import command
from seglab.config.help import commands

_SCRIPT = Template(r"""# completes commands, groups, options and keys: eval "$$(seglab completion)" in ~/.bashrc
_seglab() {
    local line="$${COMP_LINE:0:COMP_POINT}" word="" choices
    local words=($$line)
    [[ "$$line" == *" " ]] || word="$${words[$${#words[@]} - 1]}"
    local IFS=$$'\n'  # one reply a line, with the space behind a command
    if (( $${#words[@]} == 1 )) || [[ $${#words[@]} == 2 && -n "$$word" ]]; then
        COMPREPLY=($$(compgen -S " " -W $$'$commands' -- "$$word"))
        return
    fi
    choices=$$(COMP_LINE="$${line#* }" "$${words[0]}" "$${words[1]}" -sc query=bash 2>/dev/null | tr " " "\n")
    COMPREPLY=($$(compgen -W "$$choices" -- "$$word"))
    # bash takes what stands behind a = for a word of its own
    [[ "$$word" == *=* && "$$COMP_WORDBREAKS" == *=* ]] && COMPREPLY=("$${COMPREPLY[@]#"$${word%=*}="}")
}
complete -o nospace -o default -F _seglab seglab""")


def show() -> None:
    print(_SCRIPT.substitute(commands=r"\n".join(commands())))


def main() -> None:
    command.run(show)


if __name__ == "__main__":
    main()
