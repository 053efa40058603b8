# SPDX-License-Identifier: BSD-2-Clause
"""Trust domains: test payloads, their ways to end, boot modules that are no good, and a stock Linux."""

import hashlib
import os

import machine
from harness import (INITRD, KERNEL, LINUX_SECONDS, LOGS, PROMPT, TDSHIM, TDXEMU, WORK_SECONDS, case, check, command, image, payload,
                     payload_passes, power_off, run_case)

# ---- payloads as TDs ------------------------------------------------------------------------------------------------

@case
def chaos():
    """Random busy, no-entropy and interrupted answers: a TD lives and dies all the same, and the books are equal."""
    run_case("chaos", machine.Bochs, payload("chaos", "tdvmcalls", below="chaos=11"), payload_passes)


@case
def tdcalls():
    """Every TDCALL leaf the guests use, with its refusals."""
    run_case("tdcalls", machine.Bochs, payload("tdcalls", "tdcalls"), payload_passes)


@case
def tdvmcalls():
    """Every TDVMCALL Cella answers, with its refusals."""
    run_case("tdvmcalls", machine.Bochs, payload("tdvmcalls", "tdvmcalls"), payload_passes)


def ending(mode, sentence):
    name = "ending_" + mode.replace("-", "_")

    def steps(run):
        run.expect(sentence, WORK_SECONDS)
        run.expect(rb"books equal", WORK_SECONDS)
        run.expect(PROMPT, 60)
        check("linux" in command(run, "tds"), "`tds` does not list the TD")
        power_off(run)
    run_case(name, machine.Bochs, payload(name, "endings", mode), steps)


@case
def ending_triple_fault():
    ending("triple-fault", rb"triple fault")


@case
def ending_unaccepted():
    ending("unaccepted", rb"before it was accepted")


@case
def ending_outside():
    ending("outside", rb"where the guest has no memory")


@case
def ending_shared_then_private():
    ending("shared-then-private", rb"td: linux vCPU 0: .*shared")


@case
def ending_fatal_report():
    ending("fatal-report", rb"the end, said by the guest")


@case
def ending_reset():
    ending("reset", rb"reset")


@case
def ending_call_storm():
    ending("call-storm", rb"payload: \d+ ok, 0 failed")


# ---- bad input ------------------------------------------------------------------------------------------------------

def bad_config(name, sentence, *arguments):
    iso = image(name, "--below", TDXEMU, *arguments)

    def steps(run):
        run.expect(sentence, WORK_SECONDS)
        run.expect(PROMPT, 60)
        command(run, "mem")
        power_off(run)
    run_case(name, machine.Bochs, iso, steps)


@case
def config_missing():
    bad_config("config_missing", rb"no boot module is named .config.", "--config", "none")


@case
def config_malformed():
    path = os.path.join(LOGS, "malformed.dtb")
    with open(path, "wb") as blob:
        blob.write(b"\xd0\x0d\xfe\xed" + b"\0\0\1\0" * 20)
    bad_config("config_malformed", rb"config: ", "--config", path)


@case
def kernel_is_no_kernel():
    bad_config("kernel_is_no_kernel", rb"bzImage", "--kernel", TDSHIM, "--initrd",
               INITRD)


@case
def td_larger_than_pool():
    bad_config("td_larger_than_pool", rb"pool", "--kernel", KERNEL[0], "--initrd", INITRD,
               "--memory", "8192")


@case
def firmware_is_no_image():
    bad_config("firmware_is_no_image", rb"TDVF", "--firmware", KERNEL[0], "--kernel", KERNEL[0], "--initrd",
               INITRD)


# ---- Linux ----------------------------------------------------------------------------------------------------------

@case
def linux():
    """A stock Debian kernel to its shell; the MRTD in its TDREPORT is the one Cella printed; power-off; books equal."""
    iso = image("linux", "--below", TDXEMU, "--kernel", KERNEL[0], "--initrd", INITRD)

    def steps(run):
        printed = run.expect(rb"MRTD ([0-9a-f]{96})", WORK_SECONDS)
        run.expect(rb"tdx: Guest detected", LINUX_SECONDS)
        run.expect(rb"td# ", LINUX_SECONDS)
        run.send("tdreport hello\r")
        reported = run.expect(rb"MRTD +([0-9a-f]{96})", 60)
        check(printed.group(1) == reported.group(1), "MRTD printed %s, reported %s" % (printed.group(1), reported.group(1)))
        rtmr = run.expect(rb"RTMR1 +([0-9a-f]{96})", 30)
        check(rtmr.group(1) == kernel_rtmr(), "RTMR1 is not what replaying the kernel's hash gives")
        run.expect(rb"td# ", 30)
        run.send("grep -c tdx_guest /proc/cpuinfo\r")
        run.expect(rb"^1\r", 30)
        run.send("poweroff\r")
        run.expect(rb"books equal", WORK_SECONDS)
        run.expect(PROMPT, 60)
        for word in ("tdx", "tds", "mem", "log"):
            command(run, word)
        power_off(run)
    run_case("linux", machine.Bochs, iso, steps)


def kernel_rtmr():
    """RTMR1 by the shim's documented order: a separator, then the whole kernel file."""
    register = b"\0" * 48
    with open(KERNEL[0], "rb") as kernel:
        for data in (b"\0\0\0\0", kernel.read()):
            register = hashlib.sha384(register + hashlib.sha384(data).digest()).digest()
    return register.hex().encode()
