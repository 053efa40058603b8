#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Symbol table for arch/x86/backtrace.c: reads `nm -n` of a first link on standard input, writes an assembly file."""

import sys

VIRT_BASE = 0xffffffff80000000


def main():
    functions = []
    for line in sys.stdin:
        address, kind, name = line.split()[:3]
        if kind in "tT" and int(address, 16) >= VIRT_BASE:
            functions.append((int(address, 16) - VIRT_BASE, name))
    functions.sort()
    print('/* SPDX-License-Identifier: BSD-2-Clause */\n\t.section .symbols, "a"\n\t.balign 8\n\t.globl image_symbols')
    print("image_symbols:\n\t.long %d, names - image_symbols" % len(functions))
    position = 0
    for offset, name in functions:
        print("\t.long %#x, %d" % (offset, position))
        position += len(name) + 1
    print("names:")
    for _, name in functions:
        print('\t.asciz "%s"' % name)


if __name__ == "__main__":
    main()
