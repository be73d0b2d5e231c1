"""The Omote wire contract, version 1: generated messages and service stubs.

Import the modules (`from omote.v1 import stream_pb2`). The comments in the
`.proto` files beside this one are the reference. `make proto` regenerates.
"""
