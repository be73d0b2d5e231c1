"""Keeps the libraries' own usage reports inside the machine.

MediaPipe's wheels since 0.10.35 send usage statistics to their vendor and offer no switch. Their
HTTP client honours the usual proxy variables, so a process that processes frames is given a
proxy that does not exist. Nothing of ours makes outgoing connections in such a process.
"""

from __future__ import annotations

import os

_NOWHERE = "http://127.0.0.1:9"
_LOOPBACK = "127.0.0.1,localhost,::1"


def seal_egress() -> None:
    """Send outgoing HTTP of this process nowhere; loopback stays reachable.

    Call it once, at the edge, after the models are pulled.
    """
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"):
        os.environ[name] = _NOWHERE
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = _LOOPBACK
