"""Values as Hydra's command line wants them written: https://hydra.cc/docs/advanced/override_grammar/basic."""

import re

from hydra.core.override_parser.types import Quote, QuotedString

_NO_TEXT = r"null|true|false|-?inf|-?nan|[\d._e-]+"  # and what may be a number
_PLAIN_TEXT = re.compile(rf"(?!(?:{_NO_TEXT})$)[\w./-]+", re.ASCII | re.IGNORECASE)
_INTERPOLATION = re.compile(r"(\\*)\$\{")


def quoted(text: str) -> str:
    r"""`text` as a value of an override that Hydra reads as exactly this text; without quotes where it needs none.

    A `${` stands for itself: a folder may be named so. OmegaConf takes it, and the backslashes in front of it, for an
    interpolation unless each of them has a backslash of its own.
    """
    if _PLAIN_TEXT.fullmatch(text):
        return text
    literal = _INTERPOLATION.sub(r"\1\1\\${", text)
    return QuotedString(literal, Quote.double).with_quotes()
