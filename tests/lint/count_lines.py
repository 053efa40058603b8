#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make tcb`: lines of code per folder (without blank lines and comments), image bytes, and the limits they must keep."""

import os
import re
import subprocess
import sys

CORE = ["boot", "kernel", "arch/x86", "tdx", "vmm", "drivers", "include/cella", "include/spec"]
OTHER = ["boot/tdshim", "tests/tdxemu", "tests/guests", "tests/unit", "tests/fuzz"]
CORE_LIMIT = 12000
IMAGE_LIMIT = 512 * 1024
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def code_lines(path):
    with open(path, encoding="utf-8") as source:
        text = source.read()
    return sum(1 for line in COMMENT.sub("", text).split("\n") if line.strip())


def loaded_bytes(elf):
    """Bytes of the loadable segments: in the image (what GRUB reads and copies) and in memory (with .bss)."""
    out = subprocess.run(["readelf", "-lW", elf], capture_output=True, text=True, check=True).stdout
    loads = [line.split() for line in out.split("\n") if line.strip().startswith("LOAD")]
    return sum(int(load[4], 16) for load in loads), sum(int(load[5], 16) for load in loads)


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], capture_output=True, text=True, check=True).stdout.split()
    files = [f for f in files if f.endswith((".c", ".h", ".S")) and os.path.exists(f)]  # scripts are tools, not what runs
    per_folder = {folder: 0 for folder in CORE + OTHER}
    for path in files:
        if path.endswith("_test.c") or path.startswith("boot/guest/"):
            continue
        folder = max((f for f in per_folder if path.startswith(f + "/")), key=len, default=None)
        if folder:
            per_folder[folder] += code_lines(path)
    core = sum(per_folder[f] for f in CORE if f != "include/spec")
    for folder in CORE + OTHER:
        print("%8d  %s" % (per_folder[folder], folder))
    print("%8d  core (boot kernel arch/x86 tdx vmm drivers include/cella), limit %d" % (core, CORE_LIMIT))
    failed = core > CORE_LIMIT
    for image in ("build/cella.elf", "build/tdshim.elf", "build/tdxemu.elf"):
        if os.path.exists(image):
            size, memory = loaded_bytes(image)
            print("%8d  bytes of image: %s" % (size, image))
            print("%8d  bytes in memory: %s" % (memory, image))
            failed = failed or (image == "build/cella.elf" and size > IMAGE_LIMIT)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
