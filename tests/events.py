"""The registry of events, gateway/base/events.def: every row is written or told somewhere, every place has a row, a line has only keys of its row, and
the page gateway/base/EVENTS.md is as the rows say. Usage: events.py TOP [--write]"""
import os
import re
import sys

ROW = re.compile(r'^(LOGGED|BOTH)\((\w+), "([^"]+)", (\w+),\s*"([^"]*)",\s*"((?:[^"\\]|\\.)*)"\)$|'
                 r'^(TOLD|KEY)\((\w+), "([^"]+)",\s*"((?:[^"\\]|\\.)*)"\)$|^/\* --- (.+) --- \*/$', re.M)
ABOUT = """# Events

Made from `events.def` by `tests/events.py`: change the row, then `tests/events.py . --write`.

One line of the log is one event: time, level, event, then `key=value` pairs; a key in brackets is not
in every line. Of one message all lines carry the `id`, and `gatewayctl message explain ID` shows them. A
line of a module begins with its name, has the keys `by`, `text` and, where it is about a message, `id`.

Modules hear of an event by the hook `event`; what they tell themselves (`gw->emit()`) is in their own
READMEs, and in the log as `module-event`.
"""


class Row:
    def __init__(self, kind, id, name, level, keys, meaning):
        self.kind, self.id, self.name, self.level, self.meaning = kind, id, name, level, meaning.replace('\\"', '"')
        self.keys = {key.strip("[]"): key.startswith("[") for key in keys.split()}  # True: not in every line
        self.logged, self.told = kind in ("LOGGED", "BOTH"), kind in ("TOLD", "BOTH")


def read(top):
    """The rows, in order; a heading is a text."""
    text = open(os.path.join(top, "gateway/base/events.def")).read()
    rows = []
    for logged, id, name, level, keys, meaning, told, told_id, told_name, told_meaning, heading in ROW.findall(text):
        if heading:
            rows.append(heading)
        else:
            rows.append(Row(logged or told, id or told_id, name or told_name, level.lower(), keys, meaning or told_meaning))
    return rows


def events(top):
    return {row.name: row for row in read(top) if not isinstance(row, str) and row.kind != "KEY"}


def keys(top):
    return {row.name: row for row in read(top) if not isinstance(row, str) and row.kind == "KEY"}


# --- the page ---

def cell(text):
    return text.replace("|", "\\|")


def shown(keys):
    return " ".join("[%s]" % key if seldom else key for key, seldom in keys.items())


def page(rows):
    lines, width = [ABOUT], 0
    for row in rows:
        kind = None if isinstance(row, str) else "key" if row.kind == "KEY" else "event"
        if kind is None:
            lines.append("\n## %s\n" % (row[0].upper() + row[1:]))
            continue
        if lines[-1].startswith("\n##"):
            lines.append("| key | what it is |\n|---|---|" if kind == "key" else "| event | level | keys | told to modules | meaning |\n|---|---|---|---|---|")
        if kind == "key":
            lines.append("| `%s` | %s |" % (row.name, cell(row.meaning)))
        else:
            lines.append("| `%s` | %s | %s | %s | %s |" % (row.name, row.level or "-", shown(row.keys) or "-", "yes" if row.told else "", cell(row.meaning)))
    return "\n".join(lines) + "\n"


def page_faults(top, write):
    path = os.path.join(top, "gateway/base/EVENTS.md")
    if write:
        open(path, "w").write(page(read(top)))
    elif not os.path.exists(path) or open(path).read() != page(read(top)):
        yield "gateway/base/EVENTS.md is not what events.def says: tests/events.py . --write"


# --- the rows ---

def row_faults(rows, keys):
    seen = set()
    for row in rows:
        if isinstance(row, str):
            continue
        if row.id != row.name.upper().replace("-", "_"):
            yield "events.def: %s is not how \"%s\" is spelled" % (row.id, row.name)
        if (row.kind == "KEY", row.id) in seen:
            yield "events.def: %s stands twice" % row.id
        seen.add((row.kind == "KEY", row.id))
        for key in row.keys:
            if key not in keys:
                yield "events.def: \"%s\" of %s has no row" % (key, row.name)
    text = sum(line.startswith(("LOGGED(", "TOLD(", "BOTH(", "KEY(")) for line in open(os.path.join(sys.argv[1], "gateway/base/events.def")))
    if text != len([row for row in rows if not isinstance(row, str)]):
        yield "events.def: %d rows, of which %d are read" % (text, len(seen))


# --- the places ---

def functions(top):
    """Each function's place and text, in gateway/."""
    for where, _, names in os.walk(os.path.join(top, "gateway")):
        for name in names:
            if name.endswith(".c"):
                path = os.path.join(where, name)
                text = open(path).read()
                for found in re.finditer(r"^\{\n.*?^\}", text, re.M | re.S):
                    yield os.path.relpath(path, top), text.count("\n", 0, found.start()) + 1, found.group()


def place_faults(top, by_id, keys):
    """Within a function the keys it writes are those of the rows it names, if it names any."""
    used, used_keys = set(), {"ID"}
    for path, line, text in functions(top):
        if path == "gateway/base/event.c":
            continue
        here = set(re.findall(r"\bEVENT_(\w+)", text))
        written = set(re.findall(r"\bKEY_(\w+)", text))
        used |= here
        used_keys |= written
        if "log_say(" in text:
            written.add("TEXT")
        for id in sorted(here - set(by_id)):
            yield "%s:%d: EVENT_%s has no row" % (path, line, id)
        allowed = {key for id in here & set(by_id) for key in by_id[id].keys}
        for id in sorted(written & set(keys)):
            if re.search(r"\blog_open\(EVENT_|\bsession_log\w*\(session, EVENT_|\blog_say\(EVENT_", text) and keys[id].name not in allowed:
                yield "%s:%d: the key \"%s\" is in no row of %s" % (path, line, keys[id].name, ", ".join(sorted(here)))
    for id in sorted(set(by_id) - used):
        yield "events.def: %s happens nowhere" % id
    for id in sorted(set(keys) - used_keys - {"TEXT"}):
        yield "events.def: the key %s is written nowhere" % id


def told_faults(top, rows):
    text = open(os.path.join(top, "sdk/ABI.md")).read()
    for row in rows:
        if not isinstance(row, str) and row.told and "`%s`" % row.name not in text:
            yield "sdk/ABI.md does not tell modules of \"%s\"" % row.name


def main():
    top = sys.argv[1]
    rows = read(top)
    by_id = {row.id: row for row in rows if not isinstance(row, str) and row.kind != "KEY"}
    by_key = {row.id: row for row in rows if not isinstance(row, str) and row.kind == "KEY"}
    faults = [*page_faults(top, "--write" in sys.argv), *row_faults(rows, keys(top)), *place_faults(top, by_id, by_key), *told_faults(top, rows)]
    print("\n".join(faults) or "%d events, %d keys" % (len(by_id), len(by_key)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
