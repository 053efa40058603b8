#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""`make run`: start the machine and connect its first serial port to this terminal until it powers off.

--above: `iso` is any bootable image; it is copied to a hard disk and booted from there above the software TDX machine.
Exit status 0: the machine was powered off, through Cella's `poweroff` without --above. Ctrl-\\ ends the machine at once.
"""

import argparse
import os
import select
import shutil
import sys
import termios
import tty

import grub_image
import machine

QUIT = b"\x1c"


def relay(run):
    """Bytes both ways until the machine ends or Ctrl-\\ is typed; True: the machine ended by itself."""
    keyboard = sys.stdin.fileno() if sys.stdin else None
    shown = 0
    while True:
        sources = [run.connection] + ([keyboard] if keyboard is not None else [])
        readable, _, _ = select.select(sources, [], [], 0.2)
        alive = run.pump(0)
        os.write(sys.stdout.fileno(), run.received[shown:])
        shown = len(run.received)
        if not alive or run.process.poll() is not None:
            return True
        if keyboard in readable:
            typed = os.read(keyboard, 256)
            if not typed:
                keyboard = None
            elif QUIT in typed:
                return False
            else:
                run.send(typed.decode(errors="ignore"))


def above(options):
    """The machine with the image as its disk and tdxemu on its CD."""
    disk = options.logs + ".disk"
    shutil.copyfile(options.iso, disk)
    cd = grub_image.below(options.logs + ".iso", os.path.join(machine.TOP, "build/tdxemu.elf"))
    return machine.Bochs(cd, options.logs, options.cpus, options.memory, disk=disk)


def main():
    parser = argparse.ArgumentParser(description="run Cella in a software machine")
    parser.add_argument("iso")
    parser.add_argument("--machine", choices=["bochs", "qemu"], default="bochs")
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--memory", type=int, default=2048, help="MiB")
    parser.add_argument("--logs", default=os.path.join(machine.TOP, "build/run"))
    parser.add_argument("--above", action="store_true", help="boot the image as a disk above the software TDX machine (bochs)")
    options = parser.parse_args()

    if options.above:
        run = above(options)
    else:
        kind = machine.Bochs if options.machine == "bochs" else machine.Qemu
        run = kind(options.iso, options.logs, options.cpus, options.memory)
    print("run: %s with %d cores and %d MiB; Ctrl-] leaves a guest's console, Ctrl-\\ stops the machine; logs in %s" %
          (run.name, options.cpus, options.memory, os.path.relpath(options.logs)), flush=True)
    saved = termios.tcgetattr(sys.stdin) if sys.stdin.isatty() else None
    ended = False
    try:
        run.start()
        if saved:
            tty.setraw(sys.stdin)
        ended = relay(run)
        if ended:
            run.wait_end(30)
    except machine.MachineError as error:
        print("run: %s" % error, file=sys.stderr)
    finally:
        if saved:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, saved)
        run.stop()
    for line in run.broken_lines():
        print("run: the machine reported: " + line, file=sys.stderr)
    powered_off = run.process.returncode == 0 if options.above else b"boot: power off" in run.received
    return 0 if ended and powered_off else 1


if __name__ == "__main__":
    sys.exit(main())
