#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make bench`: Cella's performance figures, written to docs/bench.md and compared with those that stand there.

Runs on one-core Bochs above tdxemu: boot without a TD, a payload that repeats each request (tests/guests/costs.c), Linux; and boots
on more cores and with both kinds of PAMT.
The figures are instructions, calls, exits, bytes and lines, no times: the same build gives the same figures. What reaches
Cella through the keyboard comes at no fixed time, so nothing behind the first key counts. Lines of Cella's log carry
times and are not compared; each figure comes from tdxemu ("trace=all,host,console") or from the images.

Usage: bench.py [--check]; --check: write nothing, exit 1 when a figure differs from docs/bench.md.
"""

import concurrent.futures
import os
import re
import statistics
import subprocess
import sys

import harness as cases
import machine

TABLE = os.path.join(machine.TOP, "docs/bench.md")
FOLDER = os.path.join(cases.BUILD, "bench")
PROMPT = rb"^[\r\x1b\[K]*cella> "
BOOT_SECONDS, TD_SECONDS, LINUX_SECONDS = 120, 300, 600

# GHCI functions and exit reasons by their numbers; the rest shows as a number.
FUNCTIONS = {10: "CPUID", 12: "HLT", 30: "port", 31: "RDMSR", 32: "WRMSR", 48: "MMIO", 0x10001: "MapGPA",
             0x10002: "GetQuote", 0x10003: "fatal error", 0x10000: "GetTdVmCallInfo"}
REASONS = {0: "NMI", 1: "interrupt", 48: "EPT violation", 77: "TDVMCALL", 0xffff: "refused entry"}

HEAD = """\
<!-- SPDX-License-Identifier: BSD-2-Clause -->
# Figures

Written by `make bench` (tests/system/bench.py), which also marks what changed against the figures that stood here. One core,
2 GiB, software TDX machine on Bochs; instructions are those of Cella alone: the module's and the TD's are not counted, nor is
anything of tdxemu. The same build gives the same figures on every machine.

"""


class Run:
    """What one machine run left on its debug port."""

    def __init__(self, name, kind_of_end, steps, *arguments, trace="all,host,console", below="", cpus=1, memory_mib=2048):
        iso = cases.image("bench_" + name, "--below", cases.TDXEMU, "--below-arguments", ("trace=" + trace + " " + below).strip(),
                          *arguments)
        self.machine = machine.Bochs(iso, os.path.join(FOLDER, name), cpus, memory_mib)
        try:
            self.machine.start()
            steps(self.machine)
            self.machine.send("poweroff\r")
            if self.machine.wait_end(60) != 0:
                raise machine.MachineError("%s: no orderly power-off\n%s" % (kind_of_end, self.machine.tail()))
        finally:
            self.machine.stop()
        os.unlink(iso)
        self.lines = self.machine.debug_text().decode(errors="replace").split("\n")

    def seamcalls(self):
        """(leaf, instructions of the host before it) in order."""
        for line in self.lines:
            match = re.search(r"trace core=\d+ seamcall (\S+) .* insn=(\d+)", line)
            if match:
                yield match.group(1), int(match.group(2))

    def counts(self):
        """SEAMCALLs by leaf over the whole run."""
        found = {}
        for line in self.lines:
            match = re.search(r"count seamcall (\S+) leaf=\d+ calls=(\d+)", line)
            if match:
                found[match.group(1)] = int(match.group(2))
        return found

    def console_insn(self, pattern):
        """Instructions of the host when the line that matches began to leave the UART."""
        for line in self.lines:
            match = re.search(r"console core=\d+ insn=(\d+): (.*)", line)
            if match and re.search(pattern, match.group(2)):
                return int(match.group(1))
        raise machine.MachineError("no console line %r in %s" % (pattern, self.machine.folder))

    def costs(self):
        """{kind: (exits, minimum, median)}"""
        found = {}
        for line in self.lines:
            match = re.search(r"cost reason=(\d+) function=(\d+) write=(\d) exits=(\d+) minimum=(\d+) median=(\d+)", line)
            if not match:
                continue
            reason, function, write, exits, minimum, median = map(int, match.groups())
            name = REASONS.get(reason, "exit %d" % reason)
            if reason == 77:
                name = FUNCTIONS.get(function, "TDVMCALL %#x" % function)
                if function in (30, 48):
                    name += " write" if write else " read"
            found[name] = (exits, minimum, median)
        return found


def boot_run():
    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        cases.check(b"READY" in run.received or b"module ready" in run.received, "no TDX\n" + run.tail())

    run = Run("boot", "boot", steps, "--config", "none", "--firmware", "none")
    calls = list(run.seamcalls())
    first = next(insn for leaf, insn in calls if leaf == "TDH.SYS.INIT")
    ready = [insn for leaf, insn in calls if leaf == "TDH.SYS.TDMR.INIT"]
    steps_of_init = [b - a for a, b in zip(ready, ready[1:])]
    return [
        ("boot: instructions to the prompt", run.console_insn(r"^cella> ")),
        ("module: instructions from SYS.INIT to the last TDMR.INIT", ready[-1] - first),
        ("module: SEAMCALLs", sum(1 for leaf, _ in calls if leaf.startswith("TDH.SYS") and leaf not in
                                  ("TDH.SYS.SHUTDOWN", "TDH.SYS.LP.SHUTDOWN", "TDH.SYS.DISABLE"))),
        ("module: TDH.SYS.RD", sum(1 for leaf, _ in calls if leaf == "TDH.SYS.RD")),
        ("module: TDH.SYS.TDMR.INIT", len(ready)),
        ("module: instructions per TDMR.INIT", int(statistics.median(steps_of_init))),
    ]


def at_the_prompt(run):
    run.expect(PROMPT, BOOT_SECONDS)
    cases.check(b"module ready" in run.received, "no TDX\n" + run.tail())


def tdmr_run():
    """Who initialises how much on 1, 2, 4 and 8 cores with 14 GiB, and what both kinds of PAMT cost."""
    rows = []
    for cpus in (1, 2, 4, 8):
        run = Run("tdmr_%d" % cpus, "boot", at_the_prompt, "--config", "none", "--firmware", "none", cpus=cpus, memory_mib=14336)
        cores = {}
        for line in run.lines:
            match = re.search(r"trace core=(\d+) seamcall TDH\.SYS\.TDMR\.INIT ", line)
            if match:
                cores[match.group(1)] = cores.get(match.group(1), 0) + 1
        rows.append(("TDMR.INIT on %d cores: calls on the longest" % cpus, max(cores.values())))
        rows.append(("TDMR.INIT on %d cores: even share" % cpus, -(-sum(cores.values()) // cpus)))
    for kind, below in (("static", ""), ("dynamic", "platform=dynamic-pamt")):
        run = Run("pamt_" + kind, "boot", at_the_prompt, "--config", "none", "--firmware", "none", below=below, memory_mib=14336)
        pool, pamt = re.search(r"TD pool (\d+) MiB .* %s PAMT (\d+) KiB" % kind, run.machine.received.decode(errors="replace")).groups()
        rows.append(("%s PAMT: MiB of TD pool" % kind, int(pool)))
        rows.append(("%s PAMT: KiB" % kind, int(pamt)))
    return rows


def launch_figures(run, name):
    """From TDH.MNG.CREATE to the first entry."""
    calls = list(run.seamcalls())
    begin = next(i for i, (leaf, _) in enumerate(calls) if leaf == "TDH.MNG.CREATE")
    end = next(i for i, (leaf, _) in enumerate(calls) if leaf == "TDH.VP.ENTER")
    launch = calls[begin:end + 1]
    by_leaf = {}
    for leaf, _ in launch[:-1]:
        by_leaf[leaf] = by_leaf.get(leaf, 0) + 1
    gaps = [launch[i][1] - launch[i - 1][1] for i in range(1, len(launch))
            if launch[i][0] == launch[i - 1][0] == "TDH.MEM.PAGE.ADD"]
    rows = [("%s: instructions from MNG.CREATE to the first entry" % name, launch[-1][1] - launch[0][1]),
            ("%s: SEAMCALLs" % name, len(launch) - 1)]
    rows += [("%s: %s" % (name, leaf), count) for leaf, count in sorted(by_leaf.items())]
    if gaps:
        rows.append(("%s: instructions per page added" % name, int(statistics.median(gaps))))
    return rows


def costs_run():
    def steps(run):
        end = run.expect(rb"payload: \d+ ok, (\d+) failed|is not started:.*|is left out.*", TD_SECONDS)
        cases.check(end.group(1) == b"0", "the payload: %s\n%s" % (end.group(0).decode(errors="replace"), run.tail()))
        run.expect(rb"books equal", TD_SECONDS)
        run.expect(PROMPT, 60)

    run = Run("costs", "costs payload", steps, "--firmware", os.path.join(cases.BUILD, "guests/costs.bin"), "--kernel",
              cases.KERNEL[0], "--initrd", os.path.join(cases.BUILD, "tdshim.bin"), "--cmdline", "-", "--memory", "128")
    rows = launch_figures(run, "launch of a 128 MiB TD")
    costs = run.costs()
    for kind in ("CPUID", "port write", "port read", "MMIO read", "RDMSR", "HLT", "MapGPA"):
        exits, minimum, median = costs[kind]
        rows.append(("exit to entry, %s: fewest instructions" % kind, minimum))
        rows.append(("exit to entry, %s: median of %d" % (kind, min(exits, 1023)), median))
    return rows


def linux_run():
    initrd = os.path.join(FOLDER, "initrd.gz")
    script = os.path.join(FOLDER, "poweroff")
    with open(script, "w") as test:
        test.write("#!/bin/sh\nexec busybox poweroff -f\n")
    made = subprocess.run([os.path.join(machine.TOP, "boot/guest/mkinitrd.sh"), initrd, os.path.join(cases.BUILD, "tdreport"), script],
                          capture_output=True, text=True)
    cases.check(made.returncode == 0, "no initrd: " + made.stderr[-300:])

    def steps(run):
        run.expect(rb"books equal", LINUX_SECONDS)
        run.expect(PROMPT, 60)

    run = Run("linux", "Linux", steps, "--kernel", cases.KERNEL[0], "--initrd", initrd, trace="host,console")
    counts, costs = run.counts(), run.costs()
    rows = [("Linux, boot and power-off: TD exits", sum(exits for exits, _, _ in costs.values()))]
    rows += [("Linux: exits, %s" % kind, exits) for kind, (exits, _, _) in sorted(costs.items())]
    rows.append(("Linux: SEAMCALLs", sum(counts.values())))
    rows += [("Linux: %s" % leaf, count) for leaf, count in sorted(counts.items()) if leaf.startswith(("TDH.MEM", "TDH.PHYMEM", "TDH.VP"))]
    for kind in ("HLT", "CPUID", "port write", "interrupt", "EPT violation"):
        if kind in costs:
            rows.append(("Linux: exit to entry, %s: fewest instructions" % kind, costs[kind][1]))
            rows.append(("Linux: exit to entry, %s: median of the first %d" % (kind, min(costs[kind][0], 1023)), costs[kind][2]))
    return rows


def size_rows():
    rows = []
    text = subprocess.run([sys.executable, os.path.join(machine.TOP, "tests/lint/count_lines.py")], cwd=machine.TOP,
                          capture_output=True, text=True).stdout
    for line in text.split("\n"):
        match = re.match(r"\s*(\d+)  (.*)", line)
        if match:
            what = match.group(2).split(" (")[0]
            rows.append((what if what.startswith("bytes") else "lines: " + what, int(match.group(1))))
    return rows


def read_table():
    """The figures that stand in docs/bench.md."""
    old = {}
    if os.path.exists(TABLE):
        with open(TABLE, encoding="utf-8") as text:
            for line in text:
                match = re.match(r"\| (.+?) \| ([\d ]+) \|", line)
                if match:
                    old[match.group(1)] = int(match.group(2).replace(" ", ""))
    return old


def compare(rows, old):
    """One printed line per figure; returns how many differ."""
    changed = 0
    for what, value in rows:
        mark = ""
        if what not in old:
            mark = "new"
        elif old[what] != value:
            mark = "was %d, %+d (%+.1f %%)" % (old[what], value - old[what], 100.0 * (value - old[what]) / max(old[what], 1))
        changed += mark != ""
        print("%14s  %-64s %s" % ("{:,}".format(value).replace(",", " "), what, mark))
    for what in old:
        if what not in dict(rows):
            print("%14s  %-64s gone" % ("", what))
            changed += 1
    return changed


def main():
    os.makedirs(FOLDER, exist_ok=True)
    os.makedirs(cases.LOGS, exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        linux = pool.submit(linux_run)
        small = pool.submit(lambda: boot_run() + tdmr_run() + costs_run())
        rows = small.result() + linux.result() + size_rows()
    changed = compare(rows, read_table())
    print("bench: %d figures, %d differ from docs/bench.md" % (len(rows), changed))
    if "--check" in sys.argv:
        return 1 if changed else 0
    with open(TABLE, "w", encoding="utf-8") as table:
        table.write(HEAD + "| figure | value |\n|---|---:|\n")
        for what, value in rows:
            table.write("| %s | %s |\n" % (what, "{:,}".format(value).replace(",", " ")))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except machine.MachineError as error:
        sys.exit("bench: %s" % error)
