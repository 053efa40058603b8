#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rules of the tree that no compiler checks: include arrows, licence lines, names, sizes, words that may not appear.

Prints one line per finding and exits 1 when there is one.
"""

import os
import re
import subprocess
import sys

# What each folder may include, besides itself. vmm -> tdx, drivers -> arch/x86 -> kernel -> include.
ARROWS = {
    "include": {"include"},
    "kernel/lib": {"include", "kernel/lib"},
    "kernel": {"include", "kernel", "kernel/lib"},
    "arch/x86": {"include", "kernel", "kernel/lib"},
    "drivers": {"include", "kernel", "kernel/lib", "arch/x86"},
    "tdx": {"include", "kernel", "kernel/lib", "arch/x86"},
    "vmm": {"include", "kernel", "kernel/lib", "arch/x86", "tdx", "drivers"},
    "boot": {"include", "kernel", "kernel/lib"},
    "boot/guest": set(),
    "boot/tdshim": {"include", "kernel/lib"},
    "tests/tdxemu": {"include", "kernel/lib", "arch/x86/insn.h"},
    "tests/guests": {"include", "kernel/lib", "boot/tdshim", "arch/x86/insn.h"},
}
COMPOSITION_ROOT = "kernel/main.c"
TEST_FILE = re.compile(r"(_test\.[ch]|^tests/unit/|^tests/fuzz/)")
PRODUCT = ("kernel/", "arch/", "tdx/", "vmm/", "drivers/", "boot/")
SIMULATION = re.compile(r"tdxemu|bochs|qemu|emulat(or|ed machine)", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BANNED_CALL = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca)\s*\(")
INLINE_ASM = re.compile(r"\b(__asm__|asm)\b")
ASM_FILES = {"arch/x86/insn.h", "tests/tdxemu/vmx.h"}
MAX_LINES = 600
MAX_COLUMNS = 120
MAX_FUNCTION_LINES = 75
GENERIC_NAMES = {"utils", "helpers", "common", "misc"}


def folder_of(path):
    """The longest folder of ARROWS that holds the file."""
    best = ""
    for folder in ARROWS:
        if path.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def check_include(path, target):
    if path == COMPOSITION_ROOT:
        return None
    own = folder_of(path)
    other = folder_of(target)
    if not other:
        return "includes %s, which is not named from the root of the tree" % target
    allowed = ARROWS[own]
    if other == own or other in allowed or target in allowed:
        return None
    return "%s may not include %s" % (own, target)


def check_functions(lines):
    """Length of function bodies, and conditional compilation inside them. A body starts with "{" in the first column."""
    found = []
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            if number - begin - 1 > MAX_FUNCTION_LINES:
                found.append((begin, "starts a function of more than %d lines" % MAX_FUNCTION_LINES))
            begin = None
        elif begin and re.match(r"\s*#\s*(if|else|elif)", line):
            found.append((number, "compiles conditionally inside a function"))
    return found


def check_shape(lines):
    """White space: tabs indent, nothing trails, the file ends with one newline."""
    found = []
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            found.append((number, "has white space at its end"))
        if re.match(r"\t* {8}", line):
            found.append((number, "is indented with spaces"))
    if lines[-1] != "" or lines[-2:] == ["", ""]:
        found.append((len(lines), "is not the one newline a file ends with"))
    return found


def check_text(path, text):
    found = []
    lines = text.split("\n")
    if "SPDX-License-Identifier: BSD-2-Clause" not in "\n".join(lines[:2]):
        found.append((1, "has no SPDX BSD-2-Clause line"))
    if len(lines) > MAX_LINES and "/spec/" not in path and not TEST_FILE.search(path):
        found.append((len(lines), "has more than %d lines" % MAX_LINES))
    for number, line in enumerate(lines, 1):
        include = re.match(r'#include "([^"]+)"', line)
        if include and not TEST_FILE.search(path):
            wrong = check_include(path, include.group(1)) if folder_of(path) else None
            if wrong and not re.match(r"(libfdt|fdt|mbedtls/)", include.group(1)):
                found.append((number, wrong))
        if UNFINISHED.search(line) and path != "tests/lint/check_tree.py":
            found.append((number, "marks unfinished work"))
        if path.endswith((".c", ".h")):
            if BANNED_CALL.search(line) and not TEST_FILE.search(path):
                found.append((number, "calls a banned function"))
            if INLINE_ASM.search(line) and path not in ASM_FILES and path.startswith(PRODUCT):
                found.append((number, "has inline assembly outside arch/x86/insn.h"))
            if len(line.expandtabs(8)) > MAX_COLUMNS + 8 and "/spec/" not in path:
                found.append((number, "is longer than %d columns" % MAX_COLUMNS))
        if path.startswith(PRODUCT) and path.endswith((".c", ".h", ".S")) and SIMULATION.search(line) and \
                not TEST_FILE.search(path):
            found.append((number, "speaks of the machine below"))
    return found


def main():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True)
    count = 0
    for path in sorted(set(listed.stdout.split("\n"))):
        if not path.endswith((".c", ".h", ".S", ".py", ".sh", ".ld")) or not os.path.exists(path):
            continue
        if os.path.splitext(os.path.basename(path))[0] in GENERIC_NAMES:
            print("%s: has a name that says nothing" % path)
            count += 1
        with open(path, encoding="utf-8") as source:
            for number, what in check_text(path, source.read()):
                print("%s:%d: %s" % (path, number, what))
                count += 1
    print("lint: %d findings in the tree's rules" % count)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
