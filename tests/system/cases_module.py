# SPDX-License-Identifier: BSD-2-Clause
"""The TDX module as a boot module: installed when firmware loaded none, updated with a TD alive, refused by name."""

import os
import re
import subprocess
import sys

import machine
from harness import (BOOT_SECONDS, INITRD, KERNEL, LINUX_SECONDS, LOGS, PROMPT, TDXEMU, TOP, WORK_SECONDS, bare, case, check,
                     command, image, payload, power_off, ready, run_case)

FIRMWARE_VERSION = "1.5.16"  # what the machine's firmware loads
NEW_VERSION = "1.5.17"
UPDATE_SECONDS = 120
MEMORY_MIB = 1024
NO_MODULE = "platform=no-module"
LEAVE_CONSOLE = "\x1d"

# What the module's file has wrong, and how the refusal must be called: by the loader's name, or by what the host found itself.
REFUSALS = {
    "signature": (["--bad-signature"], r"EBADSIG"),
    "signer": (["--other-signer"], r"EBADSIG"),
    "hash": (["--bad-hash"], r"EBADHASH"),
    "cpu": (["--wrong-cpu"], r"EUNSUPCPU"),
    "checksum": (["--bad-checksum"], r"checksum is wrong"),
    "length": (["--cut", "4096"], r"header tells another"),
}
INSTALL_REFUSALS = {
    **REFUSALS,
    "debug_signed": (["--debug-signed"], r"EBADSIG"),
    "too_large": (["--too-large"], r"ENOMEM"),
}
UPDATE_REFUSALS = {
    **REFUSALS,
    "older_svn": (["--older-svn"], r"EBADSIG"),
    "version": (["--svn-major", "2"], r"EUNSUPPORTED"),
    "handoff": (["--hv", "9", "--min-hv", "9"], r"EBADHANDOFF|handoff"),
}


def module_file(name, *arguments):
    """A module for the software TDX machine."""
    path = os.path.join(LOGS, name + ".module")
    made = subprocess.run([sys.executable, os.path.join(TOP, "tests/system/mkmodule.py"), path, "--version", NEW_VERSION] +
                          list(arguments), cwd=TOP, capture_output=True, text=True)
    check(made.returncode == 0, "the module could not be built: " + made.stderr.strip()[-300:])
    return path


def check_version(run, version):
    text = command(run, "tdx")
    check(re.search(r"module +" + re.escape(version) + r"\b", text), "`tdx` does not show %s:\n%s" % (version, text))


@case
def module_installed():
    """Firmware loaded no module: the one given as a boot module is installed and becomes READY."""
    iso = bare("module_installed", NO_MODULE, "--module", module_file("module_installed"))

    def steps(run):
        ready(run)
        check_version(run, NEW_VERSION)
        power_off(run)
    run_case("module_installed", machine.Bochs, iso, steps, cpus=4, memory_mib=MEMORY_MIB)


@case
def module_installed_v1():
    """The same from a file in the older container format."""
    iso = bare("module_installed_v1", NO_MODULE, "--module", module_file("module_installed_v1", "--v1"))

    def steps(run):
        ready(run)
        check_version(run, NEW_VERSION)
        power_off(run)
    run_case("module_installed_v1", machine.Bochs, iso, steps, memory_mib=MEMORY_MIB)


@case
def module_updated():
    """A newer module takes over while Linux runs in a TD: its shell goes on, its TDREPORT works, its pages come back."""
    iso = image("module_updated", "--below", TDXEMU, "--kernel", KERNEL[0], "--initrd", INITRD, "--module",
                module_file("module_updated"))

    def steps(run):
        run.expect(rb"td# ", LINUX_SECONDS)
        run.send(LEAVE_CONSOLE)
        run.expect(PROMPT, 60)
        check_version(run, FIRMWARE_VERSION)
        text = command(run, "tdx update", UPDATE_SECONDS)
        check(NEW_VERSION in text, "`tdx update` says:\n" + text)
        check_version(run, NEW_VERSION)
        run.send("attach linux\r")
        run.send("\recho alive $((6 * 7))\r")
        run.expect(rb"^alive 42\r", 60)
        run.send("tdreport hello\r")
        run.expect(rb"MRTD +[0-9a-f]{96}", 60)
        run.expect(rb"td# ", 30)
        run.send("poweroff\r")
        run.expect(rb"books equal", WORK_SECONDS)
        run.expect(PROMPT, 60)
        power_off(run)
    run_case("module_updated", machine.Bochs, iso, steps)


@case
def update_while_building():
    """An update is refused while a TD is being built; the TD does not suffer, and afterwards the update works."""
    iso = payload("update_while_building", "tdvmcalls", "-", 256, "", "--module", module_file("update_while_building"))

    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        run.send("tdx update\r")
        run.expect(rb"(?i)being built", 60, rb"payload: ok")
        run.expect(rb"payload: (\d+) ok, 0 failed", WORK_SECONDS)
        run.expect(rb"books equal", WORK_SECONDS)
        run.expect(PROMPT, 60)
        check_version(run, FIRMWARE_VERSION)
        command(run, "tdx update", UPDATE_SECONDS)
        check_version(run, NEW_VERSION)
        power_off(run)
    run_case("update_while_building", machine.Bochs, iso, steps)


def install_refused(what, arguments, named):
    """No module is there and the one given is refused: the reason is named, and TDX stays off."""
    name = "install_refused_" + what

    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        check(b"module ready" not in run.received, "a module was installed that had to be refused")
        check(re.search(named.encode(), run.received), "the log does not name %s\n%s" % (named, run.tail()))
        power_off(run)

    def run():
        run_case(name, machine.Bochs, bare(name, NO_MODULE, "--module", module_file(name, *arguments)), steps,
                 memory_mib=MEMORY_MIB)
    run.__name__ = name
    case(run)


def update_refused(what, arguments, named):
    """The running module stays what it is, the refusal is named, and the console goes on."""
    name = "update_refused_" + what

    def steps(run):
        ready(run)
        text = command(run, "tdx update", UPDATE_SECONDS)
        check(re.search(named, text), "`tdx update` does not name %s:\n%s" % (named, text))
        check_version(run, FIRMWARE_VERSION)
        power_off(run)

    def run():
        run_case(name, machine.Bochs, bare(name, "", "--module", module_file(name, *arguments)), steps, memory_mib=MEMORY_MIB)
    run.__name__ = name
    case(run)


for refusal, (wrong, sentence) in INSTALL_REFUSALS.items():
    install_refused(refusal, wrong, sentence)
for refusal, (wrong, sentence) in UPDATE_REFUSALS.items():
    update_refused(refusal, wrong, sentence)
