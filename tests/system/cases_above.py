# SPDX-License-Identifier: BSD-2-Clause
"""Any operating system above the software TDX machine: the firmware's boot path is restarted above it (boot=hd0)."""

import os
import re
import shutil

import grub_image
import machine
from harness import (BOOT_SECONDS, IMAGES, INITRD, KERNEL, LINUX_SECONDS, LOGS, TDXEMU, case, check, image, payload_passes,
                     run_case)

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
