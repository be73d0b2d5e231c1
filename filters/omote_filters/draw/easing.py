"""Motion that feels physical: critically damped springs on the scene's clock."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Spring:
    """A value that follows a target without overshoot: a critically damped spring.

    The step is the exact solution of x'' = -2ωx' - ω²(x - target), so it is stable for any
    time step and the same at every frame rate.

    Attributes:
        value: where it is now.
        velocity: units per second.
        response: seconds until about 90 % of a step is done (ω = 3.9 / response).
    """

    value: float = 0.0
    velocity: float = 0.0
    response: float = 0.25

    def follow(self, target: float, elapsed: float) -> float:
        """Move towards a target for so many seconds; the new value."""
        omega = 3.9 / max(self.response, 1e-3)
        elapsed = max(0.0, elapsed)
        away = self.value - target
        push = (self.velocity + omega * away) * elapsed
        decay = math.exp(-omega * elapsed)
        self.value = target + (away + push) * decay
        self.velocity = (self.velocity - omega * push) * decay
        return self.value


def smoothstep(value: float, low: float, high: float) -> float:
    """0 below `low`, 1 above `high`, a smooth curve between."""
    x = min(1.0, max(0.0, (value - low) / (high - low)))
    return x * x * (3 - 2 * x)
