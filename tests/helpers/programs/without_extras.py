"""Runs `recon` commands in a process that cannot import the named packages; lists come and go as JSON.

Arguments: the packages, then the command lines. Prints `[exit code, output]` for each command line.
"""

import json
import sys
from collections.abc import Sequence


class Missing:
    """An import finder that answers for some packages as if they were not installed."""

    def __init__(self, packages: Sequence[str]) -> None:
        self.packages = packages

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse the packages; leave all else to the next finder."""
        if name.partition(".")[0] in self.packages:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> None:
    """Run the command lines one after the other."""
    sys.meta_path.insert(0, Missing(json.loads(sys.argv[1])))

    from typer.testing import CliRunner  # noqa: PLC0415

    from recon.experiments.cli import app  # noqa: PLC0415

    results = [CliRunner().invoke(app, arguments) for arguments in json.loads(sys.argv[2])]
    print(json.dumps([(result.exit_code, result.output) for result in results]))


if __name__ == "__main__":
    main()
