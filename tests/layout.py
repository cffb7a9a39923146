"""The shape of the tree: rooms include only themselves and the rooms before them, modules nothing of the gateway but sdk/include, the top level
holds what it should. Usage: layout.py TOP"""
import os
import re
import subprocess
import sys

TOP = {"gateway", "modules", "sdk", "conf.d", "tests", "CMakeLists.txt", "README.md", "LICENSE"}
# What a library is included for belongs in one room (or in a module of its own).
ONLY_IN = {r"event2?/|event\.h": {"loop"}, r"openssl/": {"loop"}, r"unbound": {"loop"}, r"curl/": {"loop"}, r"ltdl": {"module"}, r"sqlite3": {"module"},
           r"libconfig": {"conf"}, r"gsasl": {"smtp"}, r"jansson": {"base", "admin", "ctl"}, r"glib": {"base"}}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)
# What the door is made of: everything else of gateway/ is in a room.
DOOR = {"CMakeLists.txt", "README.md", "quickstart"}


def rooms_in_order(top):
    """The rooms, each before those that may use it, as the build names them."""
    return re.findall(r"^gateway_room\((\w+)", open(os.path.join(top, "CMakeLists.txt")).read(), re.M) + ["daemon"]


ROOMS = rooms_in_order(sys.argv[1])


def sources(folder):
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith((".c", ".h", ".def")):
                yield os.path.join(where, name)


def room_faults(top):
    for rank, room in enumerate(ROOMS):
        for path in sources(os.path.join(top, "gateway", room)):
            for kind, name in INCLUDE.findall(open(path).read()):
                first = name.split("/")[0]
                if kind == '"' and (first not in ROOMS or ROOMS.index(first) > rank):
                    yield "%s includes \"%s\": %s comes before that room" % (path, name, room)
                for pattern, rooms in ONLY_IN.items():
                    if kind == "<" and re.match(pattern, name) and room not in rooms:
                        yield "%s includes <%s>: that belongs in %s" % (path, name, ", ".join(sorted(rooms)))


# Seams: what a simulation puts its own in the place of is called in one file.
DISK_CALL = re.compile(r"(?<![\w.>])(openat?|pwritev?|preadv?|write|read|close|fdatasync|fsync|f?truncate|(posix_)?fallocate|rename(at)?|unlink(at)?|mkdir(at)?|"
                       r"flock|fstat(at|vfs)?|opendir|fdopendir|readdir)\(")


def seam_faults(top):
    for path in sources(os.path.join(top, "gateway/spool")):
        if os.path.basename(path) in ("disk.c", "disk.h"):
            continue
        for number, line in enumerate(open(path), 1):
            if DISK_CALL.search(line) and not re.match(r"\s*(/?\*|static )", line):
                yield "%s:%d: the spool calls the file system in disk.c" % (path, number)


def module_faults(top):
    for path in sources(os.path.join(top, "modules")):
        if "/tests/" in path:
            continue
        for kind, name in INCLUDE.findall(open(path).read()):
            if kind == '"' and not os.path.exists(os.path.join(os.path.dirname(path), name)):
                yield "%s includes \"%s\": a module has its own files and <gateway/...>" % (path, name)


def tracked(top, folder="."):
    listed = subprocess.run(["git", "-C", top, "ls-files", folder], capture_output=True, text=True)
    return listed.stdout.splitlines()


def long_functions(path):
    """The functions of a file that are longer than 60 lines between their braces."""
    begin = None
    for number, line in enumerate(open(path), 1):
        if line.startswith("{"):
            begin = number
        elif line.startswith("}") and begin:
            if number - begin - 1 > 60:
                yield begin
            begin = None


def length_faults(top):
    for folder in ("gateway", "modules", "sdk"):
        for path in sources(os.path.join(top, folder)):
            if "/tests/" in path: # tables of cases
                continue
            for line in long_functions(path):
                yield "%s:%d: a function of more than 60 lines" % (path, line)


def top_faults(top):
    for name in sorted({line.split("/")[0] for line in tracked(top)} - TOP):
        if not name.startswith("."):
            yield "%s is at the top level" % name
    for path in tracked(top, "gateway"):
        if path.count("/") == 1 and os.path.basename(path) not in DOOR:
            yield "%s lies outside of the rooms" % path


faults = [fault for look in (room_faults, seam_faults, module_faults, length_faults, top_faults) for fault in look(sys.argv[1])]
print("\n".join(faults) or "the tree is as it should be")
sys.exit(1 if faults else 0)
