#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Machine tests: each case builds one image, runs one machine and asserts on what came out of its serial and debug ports.

Two machines run side by side. Every case uses the same build/cella.elf; its SHA-384 is printed and checked. A failing case
prints what was waited for and the last console lines; full logs stay in build/system/<case>/.

Usage: cases.py [name ...]; the last line is "N passed, N failed".
"""

import concurrent.futures
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import grub_image
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


def command(run, text):
    """Run one console command; returns what it printed."""
    start = run.searched
    run.send(text + "\r")
    run.expect(PROMPT, 60)
    return run.received[start:run.searched].decode(errors="replace")


# ---- machines without TDX -------------------------------------------------------------------------------------------

def refusal_steps(*sentences):
    def steps(run):
        run.expect(PROMPT, BOOT_SECONDS)
        for sentence in sentences:
            check(re.search(sentence, run.received), "sentence missing: %r\n%s" % (sentence, run.tail()))
        check("help" in command(run, "help"), "help does not work")
        power_off(run)
    return steps


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
    iso = image("tdxemu_without_vmx", "--below", TDXEMU, "--config", "none", "--firmware", "none")
    run_case("tdxemu_without_vmx", machine.Qemu, iso, refusal_steps(rb"tdxemu: this machine has no VMX"))


# ---- bring-up -------------------------------------------------------------------------------------------------------

def ready(run):
    run.expect(PROMPT, BOOT_SECONDS)
    check(b"module ready after" in run.received, "the TDX module did not become READY\n" + run.tail())


@case
def bring_up():
    """TDX READY without a configuration; `tdx`, `mem`, `cores` answer; books in order."""
    iso = image("bring_up", "--below", TDXEMU, "--config", "none", "--firmware", "none")

    def steps(run):
        ready(run)
        text = command(run, "tdx")
        for word in ("1.5", "KeyID", "TDMR", "PAMT", "CMR"):
            check(word in text, "`tdx` does not show %s:\n%s" % (word, text))
        check("PAMT" in command(run, "mem"), "`mem` shows no PAMT")
        power_off(run)
    run_case("bring_up", machine.Bochs, iso, steps)


@case
def bring_up_four_cores():
    iso = image("bring_up_four_cores", "--below", TDXEMU, "--config", "none", "--firmware", "none")

    def steps(run):
        ready(run)
        check(b"VMX on 4 of 4 cores" in run.received, "not all cores are in VMX operation")
        power_off(run)
    run_case("bring_up_four_cores", machine.Bochs, iso, steps, cpus=4)


def platform_case(name, word, sentence):
    iso = image(name, "--below", TDXEMU, "--below-arguments", word, "--config", "none", "--firmware", "none")
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
    iso = image("busy_and_no_entropy", "--below", TDXEMU, "--below-arguments",
                "fault=TDH.SYS.INIT:1:SYS_BUSY,TDH.SYS.INIT:2:RND_NO_ENTROPY,TDH.SYS.LP.INIT:1:SYS_BUSY,"
                "TDH.SYS.KEY.CONFIG:1:KEY_GENERATION_FAILED",
                "--config", "none", "--firmware", "none")

    def steps(run):
        ready(run)
        power_off(run)
    run_case("busy_and_no_entropy", machine.Bochs, iso, steps)


@case
def chaos():
    """Random busy, no-entropy and interrupted answers: a TD lives and dies all the same, and the books are equal."""
    run_case("chaos", machine.Bochs, payload("chaos", "tdvmcalls", below="chaos=11"), payload_passes)


# ---- payloads as TDs ------------------------------------------------------------------------------------------------

def payload(name, firmware, mode="-", memory=256, below=""):
    return image(name, "--below", TDXEMU, "--below-arguments", below, "--firmware", os.path.join(IMAGES, firmware + ".bin"), "--kernel",
                 KERNEL[0], "--initrd", INITRD, "--cmdline", mode, "--memory", str(memory))


def payload_passes(run):
    found = run.expect(rb"payload: (\d+) ok, (\d+) failed", WORK_SECONDS, NOT_STARTED)
    failures = re.findall(rb"payload: FAILED [^\r\n]*", run.received)
    check(not failures, "; ".join(f.decode() for f in failures[:5]))
    check(int(found.group(1)) > 5, "the payload made only %s claims" % found.group(1).decode())
    run.expect(rb"books equal", WORK_SECONDS)
    run.expect(PROMPT, 60)
    power_off(run)


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


# ---- any operating system above the software TDX machine ------------------------------------------------------------

ABOVE_CORES = 4
SEAM_RANGE = "04000000-07ffffff : Reserved"
SEAM_RANGE_E820 = "[mem 0x0000000004000000-0x0000000007ffffff] reserved"
# As tdxemu makes them: {number: low and high half}; IA32_MKTME_KEYID_PARTITIONING, IA32_XAPIC_DISABLE_STATUS.
PLATFORM_MSRS = {0x87: "0000000f 00000030", 0xbd: "00000001 00000000"}


def run_above(name, disk, steps, cpus=2, words=""):
    """Start tdxemu, with `words`, from a CD that holds nothing else; the firmware, above it, boots `disk`."""
    cd = grub_image.below(os.path.join(LOGS, name + ".iso"), TDXEMU, words)

    def all_steps(run):
        steps(run)
        check(b"boot path restarted from drive 0x80" in run.debug_text(), "the boot path was not restarted")
        status = run.wait_end(60)
        check(status == 0, "the machine ended with status %s\n%s" % (status, run.tail()))
    run_case(name, machine.Bochs, cd, all_steps, cpus=cpus, disk=disk)
    os.unlink(disk)


@case
def realmode_above():
    """What a boot loader may ask in real mode: INT 15h about memory, faults without error codes, CPUID. A reset comes back."""
    disk = os.path.join(LOGS, "realmode_above.disk")
    shutil.copyfile(os.path.join(IMAGES, "realmode.bin"), disk)

    def steps(run):
        for _ in ("after power-on", "after its reset"):
            run.expect(rb"realmode:ok", BOOT_SECONDS, rb"realmode:FAILED .")
    run_above("realmode_above", disk, steps)


@case
def cella_above():
    """Cella's own plain image, booted from the disk: the module becomes READY, a TD runs, a planned fault comes as always."""
    disk = image("cella_above_disk", "--firmware", os.path.join(IMAGES, "tdcalls.bin"), "--kernel", KERNEL[0],
                 "--initrd", INITRD, "--cmdline", "-", "--memory", "256")
    run_above("cella_above", disk, payload_passes, words="fault=TDH.SYS.INIT:1:SYS_BUSY")


def shell(run, text):
    """Run one command of the Linux shell; returns what it printed."""
    start = run.searched
    run.send(text + "\r")
    run.expect(rb"td# ", 60)
    return run.received[start:run.searched].decode(errors="replace")


@case
def linux_above():
    """A stock Debian kernel finds a TDX platform on every core. noapic: xAPIC is locked out as TDX demands, and without
    interrupt remapping, which this machine has not, Linux cannot use an I/O APIC then."""
    disk = grub_image.linux(os.path.join(LOGS, "linux_above.disk"), KERNEL[0], INITRD, "console=ttyS0 quiet noapic")

    def steps(run):
        run.expect(rb"td# ", LINUX_SECONDS, rb"Kernel panic")
        check(re.search(r"^%d\r" % ABOVE_CORES, shell(run, "nproc"), re.MULTILINE), "not all cores run\n" + run.tail())
        check(SEAM_RANGE in shell(run, "grep Reserved /proc/iomem"), "iomem has no SEAM range\n" + run.tail())
        check(SEAM_RANGE_E820 in shell(run, "dmesg | grep BIOS-e820"), "E820 has no SEAM range\n" + run.tail())
        shell(run, "insmod /lib/modules/msr.ko; cd /dev/cpu")
        for number, value in PLATFORM_MSRS.items():
            shown = shell(run, "for c in *; do dd if=$c/msr bs=8 count=1 iflag=skip_bytes skip=%d 2>/dev/null |"
                               " hexdump -e '2/4 \"%%08x \" \"\\n\"'; done" % number)
            check(shown.count(value) == ABOVE_CORES, "MSR 0x%x is not %s on all cores:\n%s" % (number, value, shown))
        run.send("poweroff\r")
    run_above("linux_above", disk, steps, cpus=ABOVE_CORES)


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
    chosen = [c for c in CASES if not wanted or c.__name__ in wanted]
    if not chosen:
        sys.exit("cases: no case is called %s; known: %s" % (" ".join(wanted), " ".join(c.__name__ for c in CASES)))
    os.makedirs(IMAGES, exist_ok=True)
    for name in ("cella.elf", "tdshim.bin", "tdxemu.elf", "initrd.gz", "guests/tdcalls.bin", "guests/tdvmcalls.bin",
                 "guests/endings.bin", "guests/realmode.bin"):
        shutil.copyfile(os.path.join(BUILD, name), os.path.join(IMAGES, os.path.basename(name)))
    with open(os.path.join(IMAGES, "cella.elf"), "rb") as elf:
        digest = hashlib.sha384(elf.read()).hexdigest()
    say("machine tests: %d cases, cella.elf SHA-384 %s" % (len(chosen), digest[:32]))
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(run_one, chosen))
    print("%d passed, %d failed" % (sum(results), len(results) - sum(results)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
