"""A bar chart of a run of peers.py, from its JSON: `python -m benchmarks.chart RUN.json [WORKLOAD] > CHART.svg`.

Plain SVG, without a script or a font of its own, readable on a light and on a dark ground. Shorter is better.
"""

import json
import sys
from typing import Any
from xml.sax.saxutils import escape

_LEFT, _WIDTH, _RIGHT = 150, 480, 110
_TOP, _LINE, _BAR = 70, 24, 16
_OWN, _OTHER, _LIMIT = "#0072b2", "#999999", "#d9b44a"
"""Told apart by the colour-blind too, after Okabe and Ito."""
_LEGEND = "Shorter is better. Blue: Chaussette. Grey: other servers. Yellow: a loop in C, which is no server."
_STYLE = (
    "text{font:13px sans-serif;fill:#222}.title{font-weight:bold;font-size:15px}.note{fill:#666}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.note{fill:#aaa}}"
)


def chart(run: dict[str, Any], workload: str) -> str:
    """The SVG of one workload. Raises KeyError if the run has no such workload."""
    titles = {each["name"]: each["title"] for each in run["workloads"]}
    title = f"CPU microseconds per request: {titles[workload]}"
    lines = sorted(filter(None, (_line(peer, workload) for peer in run["peers"])), key=lambda line: line[1])
    most = max((cost for _, cost, _ in lines), default=1.0)
    height = _TOP + _LINE * len(lines) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<text class="title" x="8" y="20">{escape(title)}</text>',
        f'<text class="note" x="8" y="38">{escape(run["heading"][0])}.</text>',
        f'<text class="note" x="8" y="54">{_LEGEND}</text>',
    ]
    for number, (name, cost, colour) in enumerate(lines):
        top = _TOP + _LINE * number
        width = max(cost / most * _WIDTH, 1)
        middle = top + _BAR - 3
        parts += [
            f'<text x="{_LEFT - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{middle}">{cost:.1f}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _line(peer: dict[str, Any], workload: str) -> tuple[str, float, str] | None:
    """Name, figure and colour of a bar; None for a peer whose figure does not count."""
    result = peer["results"].get(workload)
    if not result or result["failure"] or result["unfit"] or result["cpu_us"] is None:
        return None
    colour = _OWN if peer["own"] else _OTHER if peer["rival"] else _LIMIT
    return peer["name"], result["cpu_us"], colour


def main() -> None:
    """Read the file that is named and write the chart."""
    if not 2 <= len(sys.argv) <= 3:
        raise SystemExit("python -m benchmarks.chart RUN.json [WORKLOAD] > CHART.svg")
    with open(sys.argv[1]) as file:
        run = json.load(file)
    sys.stdout.write(chart(run, sys.argv[2] if len(sys.argv) == 3 else "hello"))


if __name__ == "__main__":
    main()
