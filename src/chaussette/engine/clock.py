"""The time, told once a tick.

A request that asked the clock itself would pay for it: what is needed is added up here, for all connections
at once, by the one thread that ticks. So a deadline may be late by a tick, and is never early: each is a tick
longer than it says.
"""

from time import gmtime, monotonic

from ..http11 import ResponseHeads
from .settings import LINGER, Settings

_DAYS = b"Mon Tue Wed Thu Fri Sat Sun".split()
_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class Clock:
    """The time now, and the deadlines of what begins now."""

    __slots__ = ("_heads", "_settings", "app", "body", "head", "idle", "linger", "now", "send", "tick")

    def __init__(self, settings: Settings, heads: ResponseHeads) -> None:
        self._settings, self._heads = settings, heads
        times = (
            settings.header_timeout,
            settings.body_grace,
            settings.keep_alive,
            settings.send_timeout,
            settings.app_timeout,
        )
        self.tick = min(1.0, *(time / 4 for time in times if time > 0))
        """Seconds between ticks: 1, as the Date header has seconds, or what the shortest deadline needs."""
        self.update()

    def update(self) -> None:
        """Look at the clock."""
        settings, late = self._settings, self.tick
        self.now = now = monotonic()
        self.head = now + settings.header_timeout + late
        self.body = now + settings.body_grace + late
        self.idle = now + settings.keep_alive + late
        self.send = now + settings.send_timeout + late
        self.app = now + settings.app_timeout + late
        self.linger = now + LINGER + late
        year, month, day, hour, minute, second, weekday = gmtime()[:7]
        # RFC 9110 section 5.6.7. email.utils would write it too, and costs a megabyte in each worker.
        self._heads.date = b"Date: %b, %02d %b %d %02d:%02d:%02d GMT\r\n" % (
            _DAYS[weekday],
            *(day, _MONTHS[month - 1], year),
            *(hour, minute, second),
        )
