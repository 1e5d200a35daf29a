"""For whoever runs the system: `python -m services.profile.rebuild` folds every person's journal again, and compares.

It reads profile's own settings. One JSON document goes to stdout. It may run beside profile, and again after an
interruption. Exit codes: 0 done, 1 failed or interrupted, 2 wrong settings.
"""

from __future__ import annotations

import json
import signal
import sys
from threading import Event
from typing import Any

from nungil.runtime.errors import Misconfigured, NungilError
from nungil.runtime.lifecycle import on_signals
from nungil.runtime.logs import configure_logs
from nungil.runtime.settings import read_settings
from services.profile.config import ProfileSettings
from services.profile.learning import open_learning
from services.profile.refolding import FoldAll, Refolded


def rebuild(settings: ProfileSettings, stop: Event) -> Refolded:
    """Folds all under the rules of the settings. Who is in which segment follows."""
    with open_learning(settings) as learning:
        return FoldAll(learning.engine, learning.rules, (learning.segments.follow,))(stop)


def document(done: Refolded) -> dict[str, Any]:
    """As it is printed."""
    return {
        "persons": done.persons,
        "entries": done.entries,
        "changed": done.changed,
        "of_other_rules": done.ruled,
        "digest": done.digest,
        "digest_before": done.digest_before,
        "same": done.finished and done.digest == done.digest_before,
    }


def main() -> int:
    """The exit code."""
    stop = Event()
    on_signals((signal.SIGTERM, signal.SIGINT), stop.set)
    try:
        settings = read_settings(ProfileSettings)
        configure_logs("profile", level=settings.log_level, format_=settings.log_format)
        done = rebuild(settings, stop)
    except NungilError as error:
        print(f"nungil rebuild profiles: {error}", file=sys.stderr)
        return 2 if isinstance(error, Misconfigured) else 1
    if not done.finished:
        print("nungil rebuild profiles: interrupted; run it again", file=sys.stderr)
        return 1
    print(json.dumps(document(done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
