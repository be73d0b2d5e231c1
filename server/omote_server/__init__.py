"""Everything in Omote that moves frames: gRPC, sessions, pipeline, engines, command line."""

import os

# OpenCV reads this once, when it is first imported. The codec checks headers long before;
# this is the second fence.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(64 * 1024 * 1024))
