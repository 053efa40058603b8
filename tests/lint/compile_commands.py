#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Turn the output of `make -nB V=1 OBJECTS` on stdin into a compile_commands.json on stdout: editors and lint.py read it."""

import json
import os
import re
import shlex
import sys

COMPILE = re.compile(r"^(gcc|cc|clang\S*) .* -c (\S+) -o (\S+)\s*$")


def main():
    text = re.sub(r"\\\n\s*", " ", sys.stdin.read())
    entries = []
    for line in text.split("\n"):
        match = COMPILE.match(line)
        if match:
            entries.append({"directory": os.getcwd(), "file": match.group(2), "output": match.group(3),
                            "arguments": shlex.split(line)})
    if not entries:
        sys.exit("compile_commands: no compiler call found in what make printed")
    json.dump(entries, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
