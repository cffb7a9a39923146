"""The product's C through clang: clang.py compile|tidy|analyze BUILD [FILE...]. BUILD is a folder that cmake has configured. compile looks for
what -Werror refuses, tidy for what .clang-tidy names, analyze (slow) for paths that end badly. Exit code 1: something was found."""
import json
import os
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PRODUCT = ("gateway", "modules", "sdk")
ANALYZE = "-*,clang-analyzer-*,-clang-analyzer-security.insecureAPI.*"
BATCH = 8 # files of one run of clang-tidy


def is_product(path):
    inside = os.path.relpath(path, TOP).split("/")
    return path.endswith(".c") and inside[0] in PRODUCT and "tests" not in inside


def compiler_flags(command):
    """What is left of a command for gcc when it is only to be looked at."""
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word in ("-o", "-MT", "-MF"):
            next(words)
        elif word.startswith("-") and word not in ("-MD", "-c"):
            kept.append(word)
            if word in ("-I", "-isystem", "-include", "-D"):
                kept.append(next(words))
    return kept


def commands(build, wanted):
    """Each file of the product once, with its folder and flags."""
    found = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
        path = os.path.join(entry["directory"], entry["file"])
        if is_product(path) and (not wanted or os.path.realpath(path) in wanted):
            found.setdefault(path, (entry["directory"], compiler_flags(entry["command"])))
    return found


def run(words, folder="."):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    return done.stdout if done.returncode and done.stdout else done.stderr if done.returncode else ""


def compile_all(pool, found):
    return pool.map(lambda item: run(["clang-14", "-fsyntax-only", *item[1][1], item[0]], item[1][0]), found.items())


def tidy_all(pool, found, more):
    with tempfile.TemporaryDirectory() as folder:
        database = [{"directory": where, "file": path, "arguments": ["clang-14", *flags, "-c", path]} for path, (where, flags) in found.items()]
        json.dump(database, open(os.path.join(folder, "compile_commands.json"), "w"))
        paths = sorted(found)
        batches = [paths[at:at + BATCH] for at in range(0, len(paths), BATCH)]
        yield from pool.map(lambda batch: run(["clang-tidy-14", "-p", folder, "--quiet", *more, *batch]), batches)


def main(step, build, *wanted):
    found = commands(build, {os.path.realpath(path) for path in wanted})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        if step == "compile":
            said = list(compile_all(pool, found))
        else:
            said = list(tidy_all(pool, found, ["-checks=" + ANALYZE, "-warnings-as-errors=*"] if step == "analyze" else []))
    print("".join(said), end="")
    print("%s: %d files, %s" % (step, len(found), "something was found" if any(said) else "nothing was found"))
    return 1 if any(said) or not found else 0


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("compile", "tidy", "analyze"):
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
