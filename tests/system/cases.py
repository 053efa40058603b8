#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Machine tests: each case builds one image, runs one machine and asserts on what came out of its serial and debug ports.

Two machines run side by side. Every case uses the same build/cella.elf; its SHA-384 is printed and checked. A failing case
prints what was waited for and the last console lines; full logs stay in build/system/<case>/. The cases are in cases_*.py, one
subject each.

Usage: cases.py [name ...], where name may be a shell pattern; the last line is "N passed, N failed".
"""

import concurrent.futures
import fnmatch
import hashlib
import os
import shutil
import sys
import time

import cases_above
import cases_bringup
import cases_doctor
import cases_guests
import cases_module
import cases_plans
from harness import BUILD, CASES, IMAGES, say

# In this order. The longest cases start first, so that no worker waits for one at the end.
SUBJECTS = (cases_bringup, cases_doctor, cases_plans, cases_module, cases_guests, cases_above)
LONGEST = ("linux", "linux_above", "module_updated", "statuses_tdh_sys_config")
IMAGE_FILES = ("cella.elf", "tdshim.bin", "tdxemu.elf", "initrd.gz", "guests/tdcalls.bin", "guests/tdvmcalls.bin",
               "guests/endings.bin", "guests/realmode.bin")
WORKERS = 2


def run_one(function):
    start = time.monotonic()
    try:
        function()
        say("  ok     %-28s %4d s" % (function.__name__, time.monotonic() - start))
        return True
    except Exception as error:  # pylint: disable=broad-except
        say("  FAILED %-28s %4d s: %s" % (function.__name__, time.monotonic() - start, error))
        return False


def main():
    wanted = sys.argv[1:]
    known = sorted(CASES, key=lambda c: (c.__name__ not in LONGEST, [s.__name__ for s in SUBJECTS].index(c.__module__)))
    chosen = [c for c in known if not wanted or any(fnmatch.fnmatch(c.__name__, pattern) for pattern in wanted)]
    if not chosen:
        sys.exit("cases: no case is called %s; known: %s" % (" ".join(wanted), " ".join(c.__name__ for c in known)))
    os.makedirs(IMAGES, exist_ok=True)
    for name in IMAGE_FILES:
        shutil.copyfile(os.path.join(BUILD, name), os.path.join(IMAGES, os.path.basename(name)))
    with open(os.path.join(IMAGES, "cella.elf"), "rb") as elf:
        digest = hashlib.sha384(elf.read()).hexdigest()
    say("machine tests: %d cases, cella.elf SHA-384 %s" % (len(chosen), digest[:32]))
    with concurrent.futures.ThreadPoolExecutor(max_workers=WORKERS) as pool:
        results = list(pool.map(run_one, chosen))
    print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
