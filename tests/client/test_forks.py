"""A child that was forked after gRPC was used is told so; nothing hangs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from omote_server.testing import LightServer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

PROGRAM = """
import asyncio, os, sys
import cv2, numpy as np
from omote_client import Client, Forked, apply_picture, filter_frames

address, case = sys.argv[1:]
jpeg = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
results = filter_frames(address, iter(lambda: jpeg, None), [])
next(results)

async def info(client):
    return await client.server_info()

async def connected():
    async with Client(address) as client:
        await client.server_info()

cases = {
    "connect": lambda: asyncio.run(connected()),
    "picture": lambda: apply_picture(address, jpeg, []),
    "results": lambda: next(results),
}
child = os.fork()
if child == 0:
    try:
        cases[case]()
    except Forked as error:
        assert "spawn" in str(error)
        results.close()
        os._exit(23)
    except BaseException as error:
        print(repr(error), flush=True)
    os._exit(1)
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
# What the parent began goes on.
next(results)
results.close()
sys.exit(ended)
"""


@pytest.mark.parametrize("case", ["connect", "picture", "results"])
async def test_a_forked_child_is_told(server: LightServer, case: str) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        server.address,
        case,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complaint = await child.communicate()
    assert child.returncode == 23, (said, complaint)
