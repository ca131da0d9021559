"""A bar: what must be, what was measured, and whether that holds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar and what was measured."""

    text: str
    limit: float
    value: float | None
    """None: it was not measured."""
    at_least: bool = False
    where: str = ""
    """What is to be added to the value."""

    @property
    def held(self) -> bool | None:
        """Whether it holds; None if it was not measured."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        if self.value is None:
            return f"{self.text}: not measured"
        missed = abs(self.value - self.limit)
        verdict = "holds" if self.held else f"missed by {missed:.3g}"
        return f"{self.text}: {verdict} ({self.value:.3g}{self.where})"
