"""Licences by name: what `--licence` takes, and what was probably meant."""

from __future__ import annotations

import difflib
import re

from omote_models.datasets.manifest import ManifestProblem

KNOWN = (
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-3.0",
    "CC-BY-2.0",
    "CC-BY-SA-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-NC-4.0",
    "CC-BY-NC-SA-4.0",
    "CC-BY-ND-4.0",
    "CC-BY-NC-ND-4.0",
    "CC-PDDC",
    "CDLA-Permissive-2.0",
    "CDLA-Sharing-1.0",
    "ODbL-1.0",
    "ODC-By-1.0",
    "PDDL-1.0",
    "Apache-2.0",
    "MIT",
)
"""SPDX identifiers under which pictures are given."""

_MEANT = 0.5


def checked_licence(text: str) -> str:
    """A licence for a data set's record: an SPDX identifier, or two words and more of one's own.

    Identifiers are taken in any case, and come back as SPDX spells them.

    Raises:
        ManifestProblem: it is empty, or one word that is no identifier; the text says which was
            probably meant.
    """
    stripped = " ".join(text.split())
    by_key = {_key(known): known for known in KNOWN}
    if known := by_key.get(_key(stripped)):
        return known
    if len(re.findall(r"\w{2,}", stripped)) >= 2 and " " in stripped:
        return stripped
    if not stripped:
        raise ManifestProblem(
            f"say the licence (--licence): a data set without it must not be used. {_RULE}"
        )
    close = difflib.get_close_matches(_key(stripped), list(by_key), n=2, cutoff=_MEANT)
    meant = f"did you mean {' or '.join(by_key[key] for key in close)}? " if close else ""
    raise ManifestProblem(f"--licence {stripped!r} names no licence: {meant}{_RULE}")


_RULE = (
    "Give an SPDX identifier (CC0-1.0, CC-BY-4.0, …), or say in two words and more who may use "
    "the pictures and for what, such as 'own photographs, for research only'"
)


def _key(text: str) -> str:
    return re.sub(r"[\s_-]+", "-", text.strip().lower())
