"""What readers of data say, in the options of ``harness.predict``; they name those of training (``data.columns``)."""

from __future__ import annotations

import re

NAME = r"(?<![\w/.-])data\.(encoding|separator|columns)(?![\w.])"

TABLE = (
    (r"data\.columns=\{(\w+): ([^}]*)\}", r"--columns \1=\2"),
    (r"set data\.token_column, data\.tag_column and data\.separator", "name what parts its columns with --separator"),
    (r"raise that, shorten the text, or use encoding\.overlong=windows", "shorten the text"),
    (r"say what parts its labels, as in task\.label_separator=.*", "give a list, as the data of the run had"),
    (r"for rows with several labels use task=.*", "the run was trained on one label a row"),
    (rf"{NAME}=", r"--\1 "),
    (NAME, r"--\1"),
)
"""What is said to who trains, and what in its place to who predicts."""

ALTERNATIVE = re.compile(r",? or (?:set|name|use|choose) [^;]*?\b(?:data|task|encoding)\.\w[^;]*")
"""A second remedy by an option that is settled once a run is trained; the first one stands before it."""


def in_options_of_predict(message: str) -> str:
    """The message with the options of ``harness.predict``, without remedies that a finished run no longer takes."""
    for said, instead in TABLE:
        message = re.sub(said, instead, message)
    return ALTERNATIVE.sub("", message)
