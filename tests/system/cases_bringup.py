# SPDX-License-Identifier: BSD-2-Clause
"""Bring-up: machines without TDX, machines with it, and the module's end at power-off."""

import re

import machine
from harness import (BOOT_SECONDS, PROMPT, bare, case, check, command, image, payload, payload_passes, power_off, ready, refusal_steps,
                     run_case)

# ---- machines without TDX -------------------------------------------------------------------------------------------

@case
def no_tdx_bochs():
    """Bochs has VMX and no TDX: the sentence names what firmware must enable, the prompt works, power-off ends with 0."""
    iso = image("no_tdx_bochs", "--config", "none", "--firmware", "none")
    run_case("no_tdx_bochs", machine.Bochs, iso, refusal_steps(rb"VMX on 2 of 2 cores", rb"tdx: .*Total Memory Encryption"))


@case
def no_vmx_qemu_bios():
    iso = image("no_vmx_qemu_bios", "--config", "none", "--firmware", "none")
    run_case("no_vmx_qemu_bios", machine.Qemu, iso, refusal_steps(rb"the processor has no VMX", rb"VMX on 0 of 4 cores"),
             cpus=4)


@case
def no_vmx_qemu_uefi():
    iso = image("no_vmx_qemu_uefi", "--config", "none", "--firmware", "none")
    run_case("no_vmx_qemu_uefi", machine.Qemu, iso, refusal_steps(rb"\(UEFI\)", rb"VMX on 0 of 2 cores"), uefi=True)


@case
def many_cores_qemu():
    iso = image("many_cores_qemu", "--config", "none", "--firmware", "none")
    run_case("many_cores_qemu", machine.Qemu, iso, refusal_steps(rb"smp: 64 cores"), cpus=64, memory_mib=4096)


@case
def tdxemu_without_vmx():
    """The software TDX machine on a processor without VMX says so and starts Cella without TDX."""
    run_case("tdxemu_without_vmx", machine.Qemu, bare("tdxemu_without_vmx"), refusal_steps(rb"tdxemu: this machine has no VMX"))


# ---- bring-up -------------------------------------------------------------------------------------------------------

@case
def bring_up():
    """TDX READY without a configuration; `tdx`, `mem`, `cores` answer; books in order."""
    iso = bare("bring_up")

    def steps(run):
        ready(run)
        text = command(run, "tdx")
        for word in ("1.5", "KeyID", "TDMR", "PAMT", "CMR"):
            check(word in text, "`tdx` does not show %s:\n%s" % (word, text))
        check("PAMT" in command(run, "mem"), "`mem` shows no PAMT")
        power_off(run)
    run_case("bring_up", machine.Bochs, iso, steps)


def platform_case(name, word, sentence):
    iso = bare(name, word)
    run_case(name, machine.Bochs, iso, refusal_steps(sentence))


@case
def firmware_without_tdx():
    platform_case("firmware_without_tdx", "platform=no-tdx", rb"tdx: .*(KeyID|TDX)")


@case
def module_not_loaded():
    platform_case("module_not_loaded", "platform=no-module", rb"tdx: .*module")


@case
def busy_and_no_entropy():
    """Transient refusals of bring-up leaves are retried and do not last."""
    iso = bare("busy_and_no_entropy",
               "fault=TDH.SYS.INIT:1:SYS_BUSY,TDH.SYS.INIT:2:RND_NO_ENTROPY,TDH.SYS.LP.INIT:1:SYS_BUSY,"
               "TDH.SYS.KEY.CONFIG:1:KEY_GENERATION_FAILED,TDH.SYS.CONFIG:1:SYS_BUSY,TDH.SYS.TDMR.INIT:2:OPERAND_BUSY/RCX")

    def steps(run):
        ready(run)
        power_off(run)
    run_case("busy_and_no_entropy", machine.Bochs, iso, steps)


def bring_up_cores(name, below, cpus, shown):
    """READY on so many cores; `tdx` shows what this machine is about."""
    iso = bare(name, below)

    def steps(run):
        ready(run)
        check(b"VMX on %d of %d cores" % (cpus, cpus) in run.received, "not all cores are in VMX operation")
        text = command(run, "tdx")
        check(re.search(shown, text), "`tdx` does not show %s:\n%s" % (shown, text))
        power_off(run)
    run_case(name, machine.Bochs, iso, steps, cpus=cpus)


@case
def bring_up_four_cores():
    bring_up_cores("bring_up_four_cores", "", 4, r"TDH\.SYS\.LP\.INIT +4\b")


@case
def bring_up_two_packages():
    """TDH.SYS.KEY.CONFIG on each of two packages: the module is READY only after both."""
    bring_up_cores("bring_up_two_packages", "packages=2", 4, r"TDH\.SYS\.KEY\.CONFIG +2\b")


@case
def bring_up_dynamic_pamt():
    bring_up_cores("bring_up_dynamic_pamt", "platform=dynamic-pamt", 2, r"DYNAMIC_PAMT")


@case
def life_with_dynamic_pamt():
    """A TD lives and dies on a module that gets its 4 KiB PAMT pages when they are needed."""
    run_case("life_with_dynamic_pamt", machine.Bochs,
             payload("life_with_dynamic_pamt", "tdvmcalls", below="platform=dynamic-pamt"), payload_passes)


@case
def rbp_lost():
    """RBP survives whatever the module does: bring-up and a TD's life with every SEAMCALL changing it."""
    run_case("rbp_lost", machine.Bochs, payload("rbp_lost", "tdvmcalls", below="platform=rbp-lost"), payload_passes)


@case
def start_after_failure():
    """A bring-up that failed at boot is tried again by hand; then a configured TD is started by hand and lives."""
    iso = payload("start_after_failure", "tdvmcalls", below="fault=TDH.SYS.INIT:1:OPERAND_INVALID/RCX")

    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        check(b"TDX is not available" in run.received, "bring-up did not fail\n" + run.tail())
        check("TDX is not available" in command(run, "td start linux"), "a TD is started without TDX\n" + run.tail())
        check("module ready after" in command(run, "tdx start"), "TDX does not start\n" + run.tail())
        run.send("td start linux\r")
        payload_passes(run)
    run_case("start_after_failure", machine.Bochs, iso, steps)


# ---- the module's end -----------------------------------------------------------------------------------------------

def power_off_case(name, below, said, unsaid=None):
    """Power-off ends with 0 whatever TDH.SYS.DISABLE answers; the log has `said` and lacks `unsaid`."""
    iso = bare(name, below)

    def steps(run):
        ready(run)
        power_off(run)
        check(re.search(said, run.received), "sentence missing: %r\n%s" % (said, run.tail()))
        check(not unsaid or not re.search(unsaid, run.received), "wrong sentence: %r\n%s" % (unsaid, run.tail()))
    run_case(name, machine.Bochs, iso, steps)


@case
def disable_busy():
    """TDH.SYS.DISABLE is repeated while it is busy or interrupted."""
    power_off_case("disable_busy", "fault=TDH.SYS.DISABLE:1:SYS_BUSY,TDH.SYS.DISABLE:2:INTERRUPTED_RESUMABLE",
                   rb"module disabled")


@case
def disable_refused():
    """A module that will not be disabled does not stop a power-off."""
    power_off_case("disable_refused", "fault=TDH.SYS.DISABLE:*:SYS_STATE_INCORRECT", rb"SYS_STATE_INCORRECT",
                   rb"module disabled")


@case
def disable_absent():
    """A module without TDH.SYS.DISABLE is left as it is."""
    power_off_case("disable_absent", "platform=no-sys-disable", rb"boot: power off", rb"module disabled")
