"""What a log line may say: the rows of gateway/base/events.def, and the words of modules."""
import glob
import os
import re
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
sys.path.insert(0, os.path.join(TOP, "tests"))
import events  # noqa: E402

EVENTS = events.events(TOP)
MODULE_KEYS = {"id", "by", "text"}
CHECKED = 2000  # lines of one log; a hundred thousand say the same again
LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+ (debug|info|warning|error) (\S+)(.*)$", re.S)
VALUE = re.compile(r'([\w.-]+)=(?:"(?:[^"\\]|\\.)*"|[^ ]*)')


def is_module(word):
    return os.path.isdir(os.path.join(TOP, "modules", word)) or bool(glob.glob(os.path.join(TOP, "tests", "sdk", "*", word + ".c")))


def known(event):
    return event in EVENTS or is_module(event)


def fault(level, event, keys):
    row = EVENTS.get(event)
    if row is None:
        return "" if "by" in keys and keys <= MODULE_KEYS else "no event is called so"
    if not row.logged or level != row.level:
        return "its level is another"
    missing = {key for key, seldom in row.keys.items() if not seldom} - keys
    return "without %s" % ", ".join(sorted(missing)) if missing else \
        "with %s" % ", ".join(sorted(keys - set(row.keys))) if keys - set(row.keys) else ""


def faults(lines):
    """What is wrong with these lines of a log; those that were cut, and those of others, are passed over. A target that was full has torn lines."""
    for line in lines[:CHECKED] if not any(" log-dropped " in line for line in lines) else ():
        found = LINE.match(line)
        keys = set(VALUE.findall(found.group(3))) if found else set()
        if found and "cut" not in keys and (said := fault(found.group(1), found.group(2), keys)):
            yield "%s: %s" % (said, line)
