#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build a GRUB image (BIOS and UEFI) with Cella, its configuration and one guest's files.

The image has two menu entries: Cella on this machine, and Cella above a program that GRUB starts first (--below). Both hand
Cella the same modules in the same order, so mb-index in the configuration means the same in both.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

MENU = """\
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
set timeout={timeout}
set default={default}
menuentry "Cella" {{
	multiboot2 /boot/cella.elf {arguments}
{modules}}}
"""
MENU_BELOW = """\
menuentry "Cella above {name}" {{
	multiboot2 /boot/{name} {below_arguments}
	module2 /boot/cella.elf {arguments}
{modules}}}
"""
EPOCH = "1700000000"


def configure(source, target, options):
    """Compile the device tree and put the command line's wishes into it."""
    subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", target, source], check=True)
    guest = "/chosen/hypervisor/linux"
    if options.memory:
        subprocess.run(["fdtput", "-t", "u", target, guest, "memory", str(options.memory * 1024)], check=True)
    if options.vcpus:
        subprocess.run(["fdtput", "-t", "u", target, guest, "cpus", str(options.vcpus)], check=True)
    if options.cmdline is not None:
        subprocess.run(["fdtput", "-t", "s", target, guest + "/kernel", "bootargs", options.cmdline], check=True)
    if options.pool:
        subprocess.run(["fdtput", "-t", "u", target, "/chosen/hypervisor", "td-pool", str(options.pool * 1024)], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output")
    parser.add_argument("--cella", default="build/cella.elf")
    parser.add_argument("--arguments", default="", help="Cella's command line")
    parser.add_argument("--below", help="program that GRUB starts below Cella")
    parser.add_argument("--below-arguments", default="")
    parser.add_argument("--config", default="boot/config.dts", help="device tree source, or a .dtb taken as it is; none: no module")
    parser.add_argument("--firmware", default="build/tdshim.bin")
    parser.add_argument("--kernel")
    parser.add_argument("--initrd")
    parser.add_argument("--module", help="file with a TDX module, for Cella to install or to update to")
    parser.add_argument("--cmdline")
    parser.add_argument("--memory", type=int, help="MiB of the TD")
    parser.add_argument("--vcpus", type=int)
    parser.add_argument("--pool", type=int, help="MiB of the TD pool")
    parser.add_argument("--timeout", type=int, default=0)
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as tree:
        boot = os.path.join(tree, "boot")
        os.makedirs(os.path.join(boot, "grub"))
        modules = []

        def add(path, text):
            name = os.path.basename(path)
            shutil.copyfile(path, os.path.join(boot, name))
            if text is not None:
                modules.append("\tmodule2 /boot/%s %s\n" % (name, text))

        add(options.cella, None)
        if options.config != "none":
            blob = os.path.join(tree, "config.dtb")
            if options.config.endswith(".dtb"):
                shutil.copyfile(options.config, blob)
            else:
                configure(options.config, blob, options)
            add(blob, "config")
            os.unlink(blob)
        if options.firmware != "none":
            add(options.firmware, "firmware")
        if options.kernel:
            add(options.kernel, "kernel")
        if options.initrd:
            add(options.initrd, "ramdisk")
        if options.module:
            add(options.module, "tdx-module")
        menu = MENU.format(timeout=options.timeout, default=1 if options.below else 0, arguments=options.arguments,
                           modules="".join(modules))
        if options.below:
            add(options.below, None)
            menu += MENU_BELOW.format(name=os.path.basename(options.below), below_arguments=options.below_arguments,
                                      arguments=options.arguments, modules="".join(modules))
        with open(os.path.join(boot, "grub", "grub.cfg"), "w") as config:
            config.write(menu)
        os.makedirs(os.path.dirname(os.path.abspath(options.output)), exist_ok=True)
        made = subprocess.run(["grub-mkrescue", "--compress=no", "-o", options.output, tree, "--", "-volid", "CELLA"],
                              env=dict(os.environ, SOURCE_DATE_EPOCH=EPOCH), capture_output=True, text=True)
        if made.returncode != 0:
            sys.exit("mkiso: grub-mkrescue failed:\n" + made.stderr[-2000:])


if __name__ == "__main__":
    main()
