"""The table of hooks in ABI.md is what <gateway/hooks.def> says. Usage: hooks.py TOP, and with -i to mend it."""
import os
import re
import sys

ROW = re.compile(r"^GW_(DECIDES|OBSERVES)\((.*?)\)$", re.M | re.S)
BEGIN, END = "<!-- made of hooks.def by tests/sdk/hooks.py -i -->\n", "<!-- end -->\n"


def columns(text):
    """The columns of a row: at commas, but not those in quotes or parentheses."""
    return [part.strip() for part in re.findall(r'(?:"[^"]*"|\([^)]*\)|[^,"(])+', text)]


def given(*params):
    return ", ".join("`%s`" % name.lower() for name in params if name != "NONE") or "-"


def decides(name, first, second, mode, verdicts, broken, asked, otherwise, breaks):
    known = " ".join("`%s`" % word for word in re.findall(r"GW_CAN\((\w+)\)", verdicts))
    return [name, given(first, second), "worker", asked, known, otherwise, breaks]


def observes(name, first, second, thread, asked):
    return [name, given(first, second), thread.lower(), asked, "-", "-", "logged"]


def table(rows):
    lines = ["| hook | given | on | asked | verdicts | if all continue | if one fails |", "|---|---|---|---|---|---|---|"]
    for kind, text in ROW.findall(rows):
        cells = (decides if kind == "DECIDES" else observes)(*columns(text))
        lines.append("| %s |" % " | ".join(cell.strip('"') for cell in cells))
    return "\n".join(lines) + "\n"


top = sys.argv[1]
path = os.path.join(top, "sdk", "ABI.md")
rows = re.sub(r"/\*.*?\*/", "", open(os.path.join(top, "sdk", "include", "gateway", "hooks.def")).read(), flags=re.S)
document = open(path).read()
before, _, rest = document.partition(BEGIN)
wanted = before + BEGIN + table(rows) + END + rest.partition(END)[2]
if sys.argv[2:] == ["-i"]:
    open(path, "w").write(wanted)
elif document != wanted:
    sys.exit("the hooks in sdk/ABI.md are not those of hooks.def: tests/sdk/hooks.py . -i")
