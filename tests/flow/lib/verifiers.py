"""Three verifiers of DKIM that share no code with the gateway, nor with each other: dkimpy, libopendkim, mailauth. Each looks at a whole folder in one process:

    verifiers.verify(["dkimpy", "opendkim", "mailauth"], folder, records) -> {verifier: {file: {"selector.domain": whether it verifies}}}

`records`: TXT records by their whole name with the dot at the end."""
import ctypes
import json
import os
import re
import subprocess
import sys

from . import npm

SCRIPT = os.path.join(os.path.dirname(__file__), "..", "..", "npm", "dkim_verify.js")


def files(folder):
    return sorted(name for name in os.listdir(folder) if name.endswith(".eml"))


def read(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def records_of(folder):
    with open(os.path.join(folder, "records.json")) as file:
        return json.load(file)


# --- dkimpy ---

def tags_of(octets):
    """Of each signature, top first."""
    head = octets.split(b"\r\n\r\n", 1)[0] + b"\r\n"
    fields = re.findall(rb"(?im)^dkim-signature:((?:[^\r\n]|\r\n[ \t])*)\r\n", head)
    return [dict(re.findall(r"([a-z]+)=([^;]*)", re.sub(r"\s", "", field.decode()))) for field in fields]


def by_dkimpy(folder):
    import dkim
    records, found = records_of(folder), {}
    for name in files(folder):
        octets = read(folder, name)
        message, verdicts = dkim.DKIM(octets, minkey=1024), found.setdefault(name, {})
        for index, tags in enumerate(tags_of(octets)):
            try:
                fine = message.verify(idx=index, dnsfunc=lambda name, timeout=5: records.get(name.decode().lower(), "").encode())
            except dkim.DKIMException:
                fine = False
            verdicts["%s.%s" % (tags["s"], tags["d"])] = fine
    return found


# --- libopendkim, as its header says; numbers are that header's ---

SETOPT, QUERYMETHOD, QUERYINFO, QUERY_FILE, PASSED, MATCH = 1, 6, 7, 1, 4, 0


def opendkim_library(folder):
    library = ctypes.CDLL("libopendkim.so.11")
    for name in ("dkim_init", "dkim_verify"):
        getattr(library, name).restype = ctypes.c_void_p
    for name in ("dkim_sig_getselector", "dkim_sig_getdomain"):
        getattr(library, name).restype = ctypes.c_char_p
    keys = os.path.join(folder, "records.keys").encode()
    with open(keys, "w") as out:
        out.writelines("%s %s\n" % (name.rstrip("."), record) for name, record in records_of(folder).items())
    handle = ctypes.c_void_p(library.dkim_init(None, None))
    method = ctypes.c_int(QUERY_FILE)
    assert library.dkim_options(handle, SETOPT, QUERYMETHOD, ctypes.byref(method), ctypes.c_size_t(4)) == 0
    assert library.dkim_options(handle, SETOPT, QUERYINFO, ctypes.c_char_p(keys), ctypes.c_size_t(len(keys) + 1)) == 0
    return library, handle


def signatures_of(library, message):
    signatures, count = ctypes.POINTER(ctypes.c_void_p)(), ctypes.c_int()
    if library.dkim_getsiglist(message, ctypes.byref(signatures), ctypes.byref(count)) != 0:
        return []
    return [ctypes.c_void_p(signatures[i]) for i in range(count.value)]


def by_opendkim(folder):
    library, handle = opendkim_library(folder)
    found = {}
    for name in files(folder):
        octets, status, test = read(folder, name), ctypes.c_int(), ctypes.c_bool()
        message = ctypes.c_void_p(library.dkim_verify(handle, b"test", None, ctypes.byref(status)))
        library.dkim_chunk(message, ctypes.c_char_p(octets), ctypes.c_size_t(len(octets)))
        library.dkim_chunk(message, None, ctypes.c_size_t(0))
        library.dkim_eom(message, ctypes.byref(test))
        verdicts = found.setdefault(name, {})
        for signature in signatures_of(library, message):
            key = "%s.%s" % (library.dkim_sig_getselector(signature).decode(), library.dkim_sig_getdomain(signature).decode())
            verdicts[key] = bool(library.dkim_sig_getflags(signature) & PASSED) and library.dkim_sig_getbh(signature) == MATCH
        library.dkim_free(message)
    return found


# --- all of them, at the same time ---

VERIFIERS = {"dkimpy": by_dkimpy, "opendkim": by_opendkim}


def start(verifier, folder):
    if verifier == "mailauth":
        return npm.node(SCRIPT, folder, stdout=subprocess.PIPE)
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return subprocess.Popen([sys.executable, "-m", "lib.verifiers", verifier, folder], stdout=subprocess.PIPE, cwd=here)


def verify(verifiers, folder, records):
    with open(os.path.join(folder, "records.json"), "w") as out:
        json.dump(records, out)
    running = {verifier: start(verifier, folder) for verifier in verifiers}
    answers = {verifier: process.communicate(timeout=1800)[0] for verifier, process in running.items()}
    return {verifier: json.loads(answer) for verifier, answer in answers.items()}


if __name__ == "__main__":
    json.dump(VERIFIERS[sys.argv[1]](sys.argv[2]), sys.stdout)
