"""Writes docs/settings.md from the settings of the server; --check says whether it is stale."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from omote_server.serving.described import SETTINGS, Setting

PAGE = Path(__file__).parent / "settings.md"

_HEAD = """\
# Settings

Made by `make settings` from `server/omote_server/serving/settings.py`; do not edit.

A flag of `omote serve` beats a variable of the environment, which beats `omote.toml` in the folder
where the server starts, which beats the default. In `omote.toml` a setting has the name of its
variable, in lower case and without `OMOTE_`:

```toml
port = 9000
packs = ["summer", "winter.zip"]
log_level = "warning"
```

Where a setting holds several values, its flag is repeated, and its variable lists them: paths with
`:` between them (`;` on Windows), words with commas, or either as a JSON list. What is on is
switched off by its `--no-…`. A name that is no setting, or a value that cannot be, ends the start
with exit code 2 and the place where it was written. `omote doctor` shows what is set, and where.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for panel, settings in groupby(SETTINGS.values(), lambda setting: setting.panel):
        parts.append(f"\n## {panel}\n\n| flag | environment | default | |\n|---|---|---|---|\n")
        parts += [_row(setting) for setting in settings]
    return "".join(parts)


def _row(setting: Setting) -> str:
    flags = ", ".join(f"`{flag}`" for flag in setting.flags)
    told = " ".join(filter(None, (setting.help, _values(setting))))
    return f"| {flags} | `{setting.variable}` | {setting.default} | {told} |\n"


def _values(setting: Setting) -> str:
    if setting.choices:
        return "One of " + ", ".join(f"`{choice}`" for choice in setting.choices) + "."
    if setting.above is not None:
        return f"More than {setting.above:g}."
    if setting.least is not None and setting.most is not None:
        return f"From {setting.least} to {setting.most}."
    return "" if setting.least is None else f"At least {setting.least}."


def main() -> None:
    """Write the page, or compare it."""
    made = page()
    if "--check" not in sys.argv:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit("docs/settings.md is stale: run 'make settings' and commit")


if __name__ == "__main__":
    main()
