"""Waiting for a condition instead of sleeping."""
import os
import time

# Sanitizer builds and busy machines need more patience; a test that passes never waits this long.
PATIENCE = float(os.environ.get("FLOW_PATIENCE", "1"))


def wait_for(condition, timeout=10.0, what="the condition"):
    """Gives the first true value of condition(); fails with `what` after the timeout."""
    end = time.monotonic() + timeout * PATIENCE
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError("waited %.1f s in vain for %s" % (timeout * PATIENCE, what() if callable(what) else what))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)
