"""The one shape that tissue is made of."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float32


@dataclass(frozen=True)
class Oval:
    """A superellipse.

    Attributes:
        x: Centre.
        y: Centre.
        rx: Half its width.
        ry: Half its height.
        turn: Rotation in degrees, clockwise as displayed.
        power: 2 for an ellipse; larger values square it.
    """

    x: float
    y: float
    rx: float
    ry: float
    turn: float = 0.0
    power: float = 2.0

    def shrunk(self, by: float) -> "Oval":
        """Return the oval with both radii shortened by the same length."""
        return replace(self, rx=self.rx - by, ry=self.ry - by)

    def grown(self, by: float) -> "Oval":
        """Return the oval with both radii lengthened by the same length."""
        return self.shrunk(-by)

    def at(self, dx: float, dy: float, scale: float = 1.0) -> "Oval":
        """Return a copy moved by parts of the radii and scaled.

        Example:
            >>> Oval(0.0, 0.0, 0.5, 0.25).at(1.0, -1.0, scale=0.5)
            Oval(x=0.5, y=-0.25, rx=0.25, ry=0.125, turn=0.0, power=2.0)
        """
        x, y = self.x + dx * self.rx, self.y + dy * self.ry
        return replace(self, x=x, y=y, rx=self.rx * scale, ry=self.ry * scale)

    def depth(
        self, x: Float32[np.ndarray, " w"], y: Float32[np.ndarray, " h"]
    ) -> Float32[np.ndarray, "h w"]:
        """Return about how far inside the outline each point of a grid lies; negative outside.

        Exact for a circle; along the longer axis of an ellipse the length is understated.
        """
        angle = np.float32(np.radians(self.turn))
        east, south = x - np.float32(self.x), (y - np.float32(self.y))[:, None]
        u = (np.cos(angle) * east + np.sin(angle) * south) / np.float32(self.rx)
        v = (np.cos(angle) * south - np.sin(angle) * east) / np.float32(self.ry)
        if self.power == 2:  # noqa: PLR2004 - an ellipse, without the costly powers
            radius = np.sqrt(u * u + v * v)
        else:
            power = np.float32(self.power)
            radius = (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power)
        return np.asarray((1 - radius) * np.float32(min(self.rx, self.ry)))
