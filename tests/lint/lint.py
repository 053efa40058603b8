#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make lint`: rules of the tree, every header alone, clang's warnings, gcc's analyser, cppcheck. Exit 1 on any finding.

Flags come from build/compile_commands.json, so every source is looked at as it is built. A finding that is wrong is listed in
ACCEPTED with its reason; an entry that nothing needs any more is a finding itself.
"""

import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

COMMANDS = "build/compile_commands.json"
PRODUCT = ("kernel/", "arch/", "tdx/", "vmm/", "drivers/", "boot/")
# What clang does not know, or says about gcc's own words.
GCC_ONLY = re.compile(r"-fno-ident|-mstack-protector-guard=|-fno-tree-loop|-fno-delete-null|-Wframe-larger|-M[MD]P?$")
CLANG_EXTRA = ["-Wno-unused-command-line-argument", "-Wno-unknown-warning-option", "-fsyntax-only"]
HOSTED = ["gcc", "-std=gnu11", "-I.", "-Wall", "-Wextra", "-Werror", "-DCELLA_UNIT_TEST", "-Ithird_party/dtc-1.7.2/libfdt"]
CPPCHECK = ["cppcheck", "--quiet", "--std=c11", "--enable=warning,performance,portability", "-I.", "-D__x86_64__",
            "--template={file}: {id}: line {line}: {message}", "--suppress=missingInclude", "-j2"]
CPPCHECK_SOURCES = ["kernel", "tdx", "vmm", "drivers", "boot", "arch/x86"]

# (file, kind or function, why it is not an error)
ACCEPTED = [
    ("arch/x86/paging.c", "arch_stack_free", "the tables of a mapped stack exist, so the walk finds them"),
    ("tdx/reclaim.c", "uninitvar", "written whenever the wrapper reports success; cppcheck does not look into RETRY_BUSY"),
    ("arch/x86/paging.c", "comparePointers", "begin and end of the image are symbols of the linker script"),
    ("arch/x86/smp.c", "comparePointers", "begin and end of the trampoline are symbols"),
    ("arch/x86/trap.c", "comparePointers", "begin and end of the exception table are symbols of the linker script"),
    ("boot/tdshim/acpi.c", "comparePointers", "begin and end of the mailbox loop are symbols"),
]
used = set()


def accepted(path, kind):
    for entry in ACCEPTED:
        if entry[0] == path and entry[1] == kind:
            used.add(entry)
            return True
    return False


def run(command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=dict(os.environ, LC_ALL="C"))
    return done.returncode, done.stdout + done.stderr


def listed(*endings):
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True,
                           check=True).stdout.split("\n")
    return [f for f in sorted(set(files)) if f.endswith(endings) and os.path.exists(f)]


def flags_of(arguments):
    """Compiler flags of an entry without input, output and dependency files."""
    flags = []
    skip = False
    for word in arguments[1:]:
        if skip:
            skip = False
        elif word in ("-o", "-c"):
            skip = True
        else:
            flags.append(word)
    return [f for f in flags if f not in ("-MMD", "-MP")]


def check_tree(_):
    status, text = run([sys.executable, "tests/lint/check_tree.py"])
    return text.strip().split("\n")[:-1] if status else []


def check_header(work):
    path, flags = work
    status, text = run(flags + ["-fsyntax-only", "-x", "c", "-"], '#include "%s"\n' % path)
    return ["%s: does not compile alone: %s" % (path, first_error(text))] if status else []


def first_error(text):
    for line in text.split("\n"):
        if "error:" in line or "warning:" in line:
            return line
    return text[:200]


def clang(entry):
    own = os.path.relpath(subprocess.run(["clang-14", "-print-file-name=include"], capture_output=True, text=True,
                                         check=True).stdout.strip())
    flags = [f for f in flags_of(entry["arguments"]) if not GCC_ONLY.match(f)]
    flags = [own if f.endswith("/include") and "gcc" in f else f for f in flags]
    _, text = run(["clang-14"] + flags + CLANG_EXTRA + [entry["file"]])
    return [line for line in text.split("\n") if re.search(r": (warning|error|fatal error):", line)]


def analyse(entry):
    found = []
    function = ""
    flags = [f for f in flags_of(entry["arguments"]) if f != "-Werror"]
    _, text = run(["gcc"] + flags + ["-fanalyzer", "-fdiagnostics-plain-output", "-c", entry["file"], "-o", "/dev/null"])
    for line in text.split("\n"):
        where = re.search(r": In function '(\w+)'", line)
        function = where.group(1) if where else function
        if re.search(r": (warning|error): ", line) and not accepted(entry["file"], function):
            found.append("%s (in %s)" % (line, function))
    return found


def cppcheck(_):
    found = []
    _, text = run(CPPCHECK + CPPCHECK_SOURCES)
    for line in text.strip().split("\n"):
        match = re.match(r"(\S+): (\w+): (.*)", line)
        if match and not match.group(1).endswith("_test.c") and not accepted(match.group(1), match.group(2)):
            found.append("%s: cppcheck %s: %s" % match.groups())
    return found


def header_work(entries):
    """Each header with the flags of the program that its folder belongs to; headers of host programs with the host's."""
    by_program = {}
    for entry in entries:
        program = entry["output"].split("/")[1]
        by_program.setdefault(program, ["gcc"] + [f for f in flags_of(entry["arguments"])])
    work = []
    for path in listed(".h"):
        if path.startswith(("tests/unit/", "tests/fuzz/")):
            work.append((path, HOSTED))
        elif path.startswith("tests/tdxemu/"):
            work.append((path, by_program["tdxemu"]))
        elif path.startswith(("boot/tdshim/", "tests/guests/")):
            work.append((path, by_program["tdshim"]))
        elif not path.startswith(("include/libc/", "boot/guest/")) and not path.endswith("mbedtls_config.h"):
            work.append((path, by_program["cella"]))
    return work


def step(pool, name, function, work):
    start = time.monotonic()
    found = [line for lines in pool.map(function, work) for line in lines]
    for line in found:
        print(line)
    print("  %-6s lint %-34s %3d s" % ("ok" if not found else "FAILED", "%s (%d)" % (name, len(work)), time.monotonic() - start),
          flush=True)
    return len(found)


def main():
    with open(COMMANDS, encoding="utf-8") as source:
        entries = [e for e in json.load(source) if not e["file"].startswith("third_party/") and e["file"].endswith(".c")]
    product = [e for e in entries if e["file"].startswith(PRODUCT) and e["output"].split("/")[1] != "tdxemu"]
    count = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        count += step(pool, "rules of the tree", check_tree, [None])
        count += step(pool, "headers alone", check_header, header_work(entries))
        count += step(pool, "clang", clang, entries)
        count += step(pool, "gcc -fanalyzer", analyse, product)
        count += step(pool, "cppcheck", cppcheck, [None])
    for entry in ACCEPTED:
        if entry not in used:
            print("tests/lint/lint.py: nothing needs the accepted finding %s %s any more" % entry[:2])
            count += 1
    print("lint: %d findings" % count)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
