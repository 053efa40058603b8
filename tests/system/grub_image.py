# SPDX-License-Identifier: BSD-2-Clause
"""Bootable images that are not Cella's: the software TDX machine alone, and operating systems to be booted above it.

With boot=hd0 the firmware's boot path runs again above tdxemu, from a disk that knows nothing of it. GRUB finds its own file
system by the image's date, so the CD's must differ from the disk's, which has boot/mkiso.py's.
"""

import glob
import lzma
import os
import shutil
import subprocess
import tempfile

import machine

BELOW_DATE = "1600000000"
ABOVE_DATE = "1700000000"
MENU = """\
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout=0
menuentry "%s" {
	%s
}
"""


def build(path, date, files, *commands):
    """An image with one menu entry of GRUB commands; files: {name under /boot: source}. It boots as a CD and as a disk."""
    with tempfile.TemporaryDirectory() as tree:
        os.makedirs(os.path.join(tree, "boot/grub"))
        for name, source in files.items():
            shutil.copyfile(source, os.path.join(tree, "boot", name))
        with open(os.path.join(tree, "boot/grub/grub.cfg"), "w") as menu:
            menu.write(MENU % (os.path.basename(path), "\n\t".join(commands)))
        made = subprocess.run(["grub-mkrescue", "--compress=no", "-o", path, tree], capture_output=True, text=True,
                              env=dict(os.environ, SOURCE_DATE_EPOCH=date))
    if made.returncode != 0:
        raise machine.MachineError("the image could not be built: " + made.stderr.strip()[-300:])
    return path


def below(path, tdxemu, words=""):
    """The CD with the software TDX machine that restarts the firmware's boot path from the first hard disk."""
    return build(path, BELOW_DATE, {"tdxemu.elf": tdxemu}, "multiboot2 /boot/tdxemu.elf boot=hd0 " + words)


def linux(path, kernel, initrd, command_line):
    """A stock kernel with an initrd and, behind it, the kernel's own MSR driver as /lib/modules/msr.ko."""
    driver = glob.glob(os.path.join(machine.TOP, "third_party/linux-image-*/lib/modules/*/kernel/arch/x86/kernel/msr.ko.xz"))
    with tempfile.TemporaryDirectory() as tree:
        os.makedirs(os.path.join(tree, "lib/modules"))
        with lzma.open(driver[0]) as packed, open(os.path.join(tree, "lib/modules/msr.ko"), "wb") as plain:
            shutil.copyfileobj(packed, plain)
        archive = os.path.join(tree, "msr.cpio")
        with open(archive, "wb") as out:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=tree, stdout=out, check=True,
                           input=b"lib\nlib/modules\nlib/modules/msr.ko\n")
        return build(path, ABOVE_DATE, {"vmlinuz": kernel, "initrd.gz": initrd, "msr.cpio": archive},
                     "linux /boot/vmlinuz " + command_line, "initrd /boot/initrd.gz /boot/msr.cpio")
