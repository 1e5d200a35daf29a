"""For whoever runs the system: `python -m services.search.rebuild` reads labels and colours of every picture again.

It reads search's own settings. Wanted after a change of encoder, and where media.embedded is no longer kept since a picture came. One
JSON document goes to stdout. It may run beside search, and again after an interruption. Exit codes: 0 done, 1 not done, 2 wrong settings.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack
from threading import Event
from typing import Any

from nungil.database.migrations import check_current
from nungil.database.open import open_database
from nungil.encoder.open import space_of
from nungil.object_store.open import open_object_store
from nungil.runtime.errors import Misconfigured, NungilError
from nungil.runtime.lifecycle import on_signals
from nungil.runtime.logs import configure_logs
from nungil.runtime.settings import read_settings
from services.search.config import SearchSettings
from services.search.handlers.facts import ApplyFacts, FillFacts


def rebuild(settings: SearchSettings, stop: Event) -> dict[str, Any]:
    """What is printed."""
    space = space_of(settings.encoder_url)
    with ExitStack() as stack:  # opened top down, closed bottom up
        objects = stack.enter_context(open_object_store(settings.object_store_url, read_only=True))
        engine = stack.enter_context(open_database(settings.database_url))
        check_current("search", engine)
        pictures, forgotten = FillFacts(ApplyFacts(engine, objects, space.name))(stop)
    return {"space": space.name, "pictures": pictures, "forgotten": forgotten, "finished": not stop.is_set()}


def main() -> int:
    """The exit code."""
    stop = Event()
    on_signals((signal.SIGTERM, signal.SIGINT), stop.set)
    try:
        settings = read_settings(SearchSettings)
        configure_logs("search", level=settings.log_level, format_=settings.log_format)
        done = rebuild(settings, stop)
    except NungilError as error:
        print(f"nungil rebuild labels: {error}", file=sys.stderr)
        return 2 if isinstance(error, Misconfigured) else 1
    print(json.dumps(done))
    return 0 if done["finished"] else 1


if __name__ == "__main__":
    sys.exit(main())
