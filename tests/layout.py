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


# Variables that outlive a call: a room's state belongs to an object that is passed. tests/globals.txt has those that stay, with the reason.
MODIFIER = r"(?:_Thread_local |__thread |_Atomic |volatile )*"
LASTING = re.compile(r"^\t*static (?!inline\b)(.*)|^(?!\t|static|typedef|return|extern|const )" + MODIFIER + r"((?:struct |enum |unsigned )?\w+ .*)")
CALLBACK = re.compile(r"\(\*\s*(const )?(\w+)(?:\[[^\]]*\])*\)\(")
FUNCTION_TYPE = re.compile(r"^typedef \w[\w ]*[ *](\w+)\(|^typedef [^;]*\(\*(\w+)\)\(", re.M)


def lasting(path):
    """Name and declaration of each variable of the file that lasts and can be changed."""
    text = open(path).read()
    for line in text.splitlines():
        code = re.sub(r"/\*.*?(\*/|$)", "", line).rstrip()
        found = LASTING.match(code)
        declared = found and re.split(r"=|;|\{", found.group(1) or found.group(2))[0].rstrip()
        if not declared or re.match(r"(enum|union)( \w+)?$", declared) or not re.search(r"[=;]|\{$", code):
            continue
        callback = CALLBACK.search(declared)
        if callback and not callback.group(1) and not re.match(r"\w[\w \*]*\w\(", declared):
            yield callback.group(2), declared
        elif "(" not in declared and not re.search(r"\bconst\b[^*]*$", declared):
            names = re.findall(r"(\w+)(?:\[[^\]]*\])*(?:,|$)", declared)
            if declared.startswith("struct") and len(declared.split()) < 3: # "static struct x {": its name is at the end
                names = re.findall(r"^\t*\} (\w+)", text[text.index(line):], re.M)[:1] if found.group(1) else []
            for name in names:
                yield name, declared


def exceptions(top):
    listed = {}
    for line in open(os.path.join(top, "tests/globals.txt")):
        if line.strip() and not line.startswith("#"):
            place, reason = line.split(":", 1)
            path, *names = place.split()
            listed.update({(path, name): reason.strip() for name in names})
    return listed


def function_types(top):
    return {name for path in sources(os.path.join(top, "gateway")) if path.endswith(".h")
            for names in FUNCTION_TYPE.findall(open(path).read()) for name in names if name}


def global_faults(top):
    """What lasts beside the objects that are passed; functions among it are a way round the order of the rooms."""
    listed, seen, types = exceptions(top), set(), function_types(top)
    for path in sources(os.path.join(top, "gateway")):
        place = os.path.relpath(path, os.path.join(top, "gateway"))
        for name, declared in lasting(path) if path.endswith(".c") else ():
            seen.add((place, name))
            if (place, name) in listed:
                continue
            called = "(" in declared or types & set(re.findall(r"\w+", declared)[:-1])
            yield "%s: %s %s" % (path, name, "is a function that another room sets: it is given with what it belongs to" if called else
                                 "lasts beside the objects that are passed; tests/globals.txt has those that may")
    for place, name in sorted(set(listed) - seen):
        yield "tests/globals.txt: there is no %s in gateway/%s" % (name, place)


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


faults = [fault for look in (room_faults, seam_faults, global_faults, module_faults, length_faults, top_faults) for fault in look(sys.argv[1])]
print("\n".join(faults) or "the tree is as it should be")
sys.exit(1 if faults else 0)
