"""What commands print holds no control characters of untrusted text."""

import errno
import io

import pytest
from rich.table import Table
from rich.text import Text

from recon.data.errors import DiskFullError, InputError
from recon.experiments.console import Problems, SafeConsole

HOSTILE = "a\x1b[31mb\x9bc\udcffd\x07"


def test_text_tables_and_titles_are_printed_without_control_characters() -> None:
    output = io.StringIO()
    console = SafeConsole(file=output, force_terminal=True, width=60)
    table = Table(title=Text(HOSTILE))
    table.add_row(HOSTILE)
    console.print(HOSTILE, markup=False, highlight=False, style="red")
    console.print(table)
    printed = output.getvalue()
    printed.encode()
    assert printed.startswith("\x1b[31ma?[31mb?c?d\x1b[0m\n")  # rich's own red around the text
    assert printed.count("\x1b[31m") == 1
    assert not {"\x9b", "\x07", "\udcff"} & set(printed)


def test_a_problem_of_one_file_leaves_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    problems = Problems()
    for error in (InputError("a.h5: is damaged"), OSError(errno.ENAMETOOLONG, "File name too long", "n" * 300)):
        with problems.collect():
            raise error
    assert len(problems.sentences) == 2
    for fatal in (DiskFullError("full"), OSError(errno.ENOSPC, "No space left on device", "a")):
        with pytest.raises(type(fatal)), problems.collect():
            raise fatal
