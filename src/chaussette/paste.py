"""`pserve development.ini` with `use = egg:chaussette` in the section `[server:main]`: Chaussette as a Paste server.

The keys of the section are Chaussette's options (`backend = gevent`, `bind = unix:/run/web.sock`). Paste has imported the
app by then, so nothing is patched: an engine on greenlets wants `gevent.monkey.patch_all()` in the app's own first lines.
"""

import sys
from typing import TYPE_CHECKING

from .cli import run
from .config import OPTIONS, Config
from .errors import UsageError, near

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def serve_paste(app: "WSGIApplication", global_conf: dict[str, str] | None, **settings: str) -> int:
    """The runner of the entry point group `paste.server_runner`."""
    for key in settings:
        if key not in OPTIONS or OPTIONS[key].positional:
            raise UsageError(f"[server:main] {key}: no option is called that.{near(key, OPTIONS)}")
    several = [name for name in settings if OPTIONS[name].repeat and not OPTIONS[name].blanks]
    texts = {name: text.split() if name in several else text for name, text in settings.items()}
    status = run(Config.from_text(texts, lambda name: f"[server:main] {name}"), app)
    if status:
        sys.exit(status)
    return status
