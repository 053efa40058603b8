# SPDX-License-Identifier: BSD-2-Clause
"""The doctor: one machine per seeded cause (seeds.py); the cause it names last must be the seeded one."""

import re

import machine
import seeds
from harness import BOOT_SECONDS, PROMPT, bare, books, case, check, command, power_off, run_case

MEMORY_MIB = 1024
FIRST_CAUSE = re.compile(r"first cause: ([^:\r\n]+): ([^\r\n]*)")


def first_cause(text, where):
    """(id, sentence) of the report's last line."""
    lines = [line for line in text.splitlines() if line.strip() and "cella>" not in line]
    found = FIRST_CAUSE.search(lines[-1]) if lines else None
    check(found, "%s does not end in a first cause, but in: %s" % (where, lines[-1] if lines else "nothing"))
    return found.groups()


def check_cause(cause, wanted_id, wanted_text, where):
    check(cause[0] == wanted_id and wanted_text in cause[1],
          "%s names %s: %s; seeded was %s with %r" % (where, *cause, wanted_id, wanted_text))


def seed_steps(wanted_id, wanted_text):
    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        printed = FIRST_CAUSE.findall(run.received.decode(errors="replace"))
        check(printed, "bring-up names no first cause\n" + run.tail())
        check_cause(printed[-1], wanted_id, wanted_text, "the log")
        check_cause(first_cause(command(run, "tdx doctor"), "`tdx doctor`"), wanted_id, wanted_text, "`tdx doctor`")
        pages = books(run)
        check(pages["PAMT"] == (0, 0), "pages are lost as PAMT: %s KiB" % (pages["PAMT"],))
        check(pages["total"][1] == 0, "%d KiB are still in the TD pool" % pages["total"][1])
        power_off(run)
    return steps


def make_seed_case(word, wanted_id, wanted_text):
    name = "seed_" + re.sub(r"\W", "_", word)

    def run():
        iso = bare(name, word if "=" in word else "platform=" + word)
        run_case(name, machine.Bochs, iso, seed_steps(wanted_id, wanted_text), memory_mib=MEMORY_MIB)
    run.__name__ = name
    case(run)


for row in seeds.SEEDS:
    make_seed_case(*row)
