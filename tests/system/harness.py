# SPDX-License-Identifier: BSD-2-Clause
"""What every machine case needs: images, a run of a machine, Cella's console, and the list of cases.

A case is a function marked @case; its name is the case's. It builds one image, runs one machine and asserts on what came out of its
serial and debug ports; machine.MachineError, raised by check() or by the machine, fails it. Logs stay in build/system/<case>/.
"""

import glob
import os
import re
import subprocess
import sys
import threading

import machine

TOP = machine.TOP
BUILD = os.path.join(TOP, "build")
LOGS = os.path.join(BUILD, "system")
KERNEL = glob.glob(os.path.join(TOP, "third_party/linux-image-*/boot/vmlinuz-*"))
PROMPT = rb"cella> "
BOOT_SECONDS = 90
WORK_SECONDS = 120
LINUX_SECONDS = 420
NOT_STARTED = rb"is not started"
# The images as they were when the run started: a rebuild meanwhile does not mix versions.
IMAGES = os.path.join(LOGS, "images")
TDXEMU = os.path.join(IMAGES, "tdxemu.elf")
TDSHIM = os.path.join(IMAGES, "tdshim.bin")
INITRD = os.path.join(IMAGES, "initrd.gz")

CASES = []
print_lock = threading.Lock()


def case(function):
    CASES.append(function)
    return function


def say(text):
    with print_lock:
        print(text, flush=True)


def check(condition, what):
    if not condition:
        raise machine.MachineError(what)


def image(name, *arguments):
    """Build an ISO for a case with boot/mkiso.py; returns its path."""
    path = os.path.join(LOGS, name + ".iso")
    made = subprocess.run([sys.executable, os.path.join(TOP, "boot/mkiso.py"), path, "--cella",
                           os.path.join(IMAGES, "cella.elf"), "--firmware", TDSHIM] + list(arguments), cwd=TOP,
                          capture_output=True, text=True)
    if made.returncode != 0:
        raise machine.MachineError("the image could not be built: " + made.stderr.strip()[-300:])
    return path


def run_case(name, kind, iso, steps, cpus=2, memory_mib=2048, **options):
    """Start the machine, run steps(machine), stop it; checks that the machine itself did not break."""
    run = kind(iso, os.path.join(LOGS, name), cpus, memory_mib, **options)
    try:
        run.start()
        steps(run)
        check(not run.broken_lines(), "the machine reported: %s" % run.broken_lines())
        violations = [l for l in run.debug_text().decode(errors="replace").splitlines() if "VIOLATION" in l]
        check(not violations, "rules broken: " + "; ".join(violations[:3]) + "\n" + run.tail())
    finally:
        run.stop()
    os.unlink(iso)


def power_off(run):
    """`poweroff` at Cella's prompt ends the machine with status 0."""
    run.send("poweroff\r")
    status = run.wait_end(60)
    check(status == 0, "the machine ended with status %s\n%s" % (status, run.tail()))


def command(run, text, seconds=60):
    """Run one console command; returns what it printed."""
    start = run.searched
    run.send(text + "\r")
    run.expect(PROMPT, seconds)
    return run.received[start:run.searched].decode(errors="replace")


def books(run):
    """What `mem` shows: {owner: (KiB of the host's memory, KiB of the TD pool)}."""
    rows = re.findall(r"^(\S[\w ]*?) +(\d+) +(\d+)\r?$", command(run, "mem"), re.MULTILINE)
    check(rows, "`mem` shows no books\n" + run.tail())
    return {owner: (int(host), int(pool)) for owner, host, pool in rows}


def refusal_steps(*sentences):
    """The prompt is reached although TDX is off, and the log has these sentences."""
    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        for sentence in sentences:
            check(re.search(sentence, run.received), "sentence missing: %r\n%s" % (sentence, run.tail()))
        check("help" in command(run, "help"), "help does not work")
        power_off(run)
    return steps


def ready(run):
    run.expect(PROMPT, BOOT_SECONDS)
    check(b"module ready" in run.received, "the TDX module did not become READY\n" + run.tail())


def bare(name, below="", *arguments):
    """An image with Cella above the software TDX machine, told `below`, and nothing to start."""
    return image(name, "--below", TDXEMU, "--below-arguments", below, "--config", "none", "--firmware", "none", *arguments)


def payload(name, firmware, mode="-", memory=256, below="", *arguments):
    """An image with a payload of tests/guests/ as its TD's firmware, told `mode`."""
    return image(name, "--below", TDXEMU, "--below-arguments", below, "--firmware", os.path.join(IMAGES, firmware + ".bin"),
                 "--kernel", KERNEL[0], "--initrd", INITRD, "--cmdline", mode, "--memory", str(memory), *arguments)


def payload_passes(run):
    found = run.expect(rb"payload: (\d+) ok, (\d+) failed", WORK_SECONDS, NOT_STARTED)
    failures = re.findall(rb"payload: FAILED [^\r\n]*", run.received)
    check(not failures, "; ".join(f.decode() for f in failures[:5]))
    check(int(found.group(1)) > 5, "the payload made only %s claims" % found.group(1).decode())
    run.expect(rb"books equal", WORK_SECONDS)
    run.expect(PROMPT, 60)
    power_off(run)
