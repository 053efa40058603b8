# SPDX-License-Identifier: BSD-2-Clause
"""Machines for tests and for `make run`: Bochs (with our patch) and QEMU, one class each, the same few operations.

A machine runs one ISO in a folder of its own, where its logs stay: serial.log (what COM1 sent), debug.log (debug port 0xe9),
machine.log (the emulator's own log). Deterministic on Bochs: fixed start time, no host devices but one socket for COM1.
"""

import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BOCHS = os.path.join(TOP, "third_party/bochs-3.0/bochs")
BOCHS_BIOS = os.path.join(TOP, "third_party/bochsbios/usr/share/bochs/BIOS-bochs-latest")
BOCHS_VGABIOS = os.path.join(TOP, "third_party/vgabios/usr/share/vgabios/vgabios.bin")
OVMF_CODE = "/usr/share/OVMF/OVMF_CODE_4M.fd"
OVMF_VARS = "/usr/share/OVMF/OVMF_VARS_4M.fd"
DISK_HEADS = 16
DISK_SECTORS_PER_TRACK = 63
CYLINDER_BYTES = DISK_HEADS * DISK_SECTORS_PER_TRACK * 512

# Signs in the emulator's log that the machine itself broke, whatever the guest printed.
BROKEN = re.compile(rb">>PANIC<<|VMFAIL|VMENTER FAIL|VMABORT|3rd \(")


class MachineError(Exception):
    """The machine did not do what was waited for; the text says what and shows the last lines."""


class Machine:
    """One run. Subclasses give command()."""

    def __init__(self, iso, folder, cpus=2, memory_mib=2048):
        self.iso = os.path.realpath(iso)
        self.folder = os.path.realpath(folder)
        self.cpus = cpus
        self.memory_mib = memory_mib
        self.received = b""
        self.searched = 0
        self.process = None
        self.connection = None
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.serial_log = open(os.path.join(self.folder, "serial.log"), "wb")

    def command(self, port):
        raise NotImplementedError

    def start(self):
        """Start the emulator and wait for its COM1 connection."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(60)
        debug = open(os.path.join(self.folder, "debug.log"), "wb")
        errors = open(os.path.join(self.folder, "stderr.log"), "wb")
        self.process = subprocess.Popen(self.command(listener.getsockname()[1]), cwd=self.folder,
                                        stdin=subprocess.DEVNULL, stdout=debug, stderr=errors)
        try:
            self.connection, _ = listener.accept()
        except socket.timeout:
            self.stop()
            raise MachineError("the machine did not connect its serial port within 60 s; see " + self.folder)
        finally:
            listener.close()
        self.connection.setblocking(False)

    def pump(self, seconds):
        """Collect serial output for up to `seconds`; False when the machine closed the connection."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if not readable:
            return True
        try:
            data = self.connection.recv(65536)
        except BlockingIOError:
            return True
        except ConnectionError:
            return False
        if not data:
            return False
        self.received += data
        self.serial_log.write(data)
        self.serial_log.flush()
        return True

    def expect(self, pattern, seconds, never=None):
        """Wait until `pattern` (bytes regex) appears behind what was matched before; returns the match object.

        `never` ends the wait at once when it appears, and so does a panic.
        """
        compiled = re.compile(pattern, re.MULTILINE)
        fatal = re.compile(rb"panic: Cella has stopped" + (b"|" + never if never else b""))
        deadline = time.monotonic() + seconds
        while True:
            match = compiled.search(self.received, self.searched)
            if match:
                self.searched = match.end()
                return match
            seen = fatal.search(self.received, self.searched)
            if seen:
                raise MachineError("seen %r while waiting for %r\n%s" % (seen.group(0), pattern, self.tail()))
            left = deadline - time.monotonic()
            if left <= 0:
                raise MachineError("not seen within %d s: %r\n%s" % (seconds, pattern, self.tail()))
            if not self.pump(min(left, 1.0)):
                match = compiled.search(self.received, self.searched)
                if match:
                    self.searched = match.end()
                    return match
                raise MachineError("the machine ended before %r\n%s" % (pattern, self.tail()))

    def send(self, text):
        """Type text into COM1, byte by byte at a pace a 16550 without flow control takes."""
        for byte in text.encode():
            self.connection.sendall(bytes([byte]))
            self.pump(0.002)

    def wait_end(self, seconds):
        """Wait for the emulator to end; returns its exit status."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > deadline:
                raise MachineError("the machine did not end within %d s\n%s" % (seconds, self.tail()))
            if not self.pump(0.5):
                time.sleep(0.1)
        return self.process.returncode

    def stop(self):
        """End the emulator whatever it does."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.connection:
            self.connection.close()
            self.connection = None
        self.serial_log.close()

    def debug_text(self):
        """What came out of the debug port so far."""
        with open(os.path.join(self.folder, "debug.log"), "rb") as log:
            return log.read()

    def broken_lines(self):
        """Lines of the emulator's own log that say the machine broke."""
        path = os.path.join(self.folder, "machine.log")
        if not os.path.exists(path):
            return []
        with open(path, "rb") as log:
            return [line.decode(errors="replace").rstrip() for line in log if BROKEN.search(line)][:5]

    def tail(self, lines=15):
        """The last console and debug lines, for a failure report."""
        def last(data):
            return "\n".join("    " + l for l in data.decode(errors="replace").splitlines()[-lines:])
        return ("  last console lines:\n%s\n  last debug port lines:\n%s\n  machine log: %s\n  full logs: %s" %
                (last(self.received), last(self.debug_text()), "; ".join(self.broken_lines()) or "clean", self.folder))


class Bochs(Machine):
    """`disk`: a second image, attached as the first hard disk. It is padded to whole cylinders; the machine may write to it."""
    name = "bochs"

    def __init__(self, iso, folder, cpus=2, memory_mib=2048, disk=None):
        super().__init__(iso, folder, cpus, memory_mib)
        self.disk = disk and os.path.realpath(disk)

    def drives(self):
        """Lines of bochsrc for the CD that the firmware boots and for the disk."""
        if not self.disk:
            return ["ata0-master: type=cdrom, path=%s, status=inserted" % self.iso]
        if os.path.exists(self.disk + ".lock"):  # of a run that was killed
            os.unlink(self.disk + ".lock")
        cylinders = -(-os.path.getsize(self.disk) // CYLINDER_BYTES)
        os.truncate(self.disk, cylinders * CYLINDER_BYTES)
        return ["ata0-master: type=disk, mode=flat, path=%s, cylinders=%d, heads=%d, spt=%d" %
                (self.disk, cylinders, DISK_HEADS, DISK_SECTORS_PER_TRACK),
                "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15",
                "ata1-master: type=cdrom, path=%s, status=inserted" % self.iso]

    def command(self, port):
        if self.memory_mib <= 2048:
            memory = "megs: %d" % self.memory_mib
        else:
            memory = "memory: guest=%d, host=2048, block_size=4096" % self.memory_mib
        with open(os.path.join(self.folder, "bochsrc"), "w") as rc:
            rc.write("\n".join([
                "display_library: nogui",
                memory,
                "cpu: model=sapphire_rapids, count=%d, ips=100000000, quantum=16, reset_on_triple_fault=0, "
                "exclude_features=\"la57\"" % self.cpus,
                "romimage: file=%s" % BOCHS_BIOS,
                "vgaromimage: file=%s" % BOCHS_VGABIOS,
                *self.drives(),
                "boot: cdrom",
                "port_e9_hack: enabled=1",
                "com1: enabled=1, mode=socket-client, dev=localhost:%d" % port,
                "clock: sync=none, time0=1700000000",
                "log: machine.log",
                "panic: action=fatal",
                "error: action=report",
                "info: action=ignore",
                "debug: action=ignore",
                "speaker: enabled=0",
                ""]))
        return [BOCHS, "-q", "-f", "bochsrc"]


class Qemu(Machine):
    name = "qemu"

    def __init__(self, iso, folder, cpus=2, memory_mib=2048, uefi=False, extra=()):
        super().__init__(iso, folder, cpus, memory_mib)
        self.uefi = uefi
        self.extra = list(extra)

    def command(self, port):
        command = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-machine", "q35", "-cpu", "max", "-smp", str(self.cpus),
                   "-m", str(self.memory_mib), "-display", "none", "-no-reboot", "-cdrom", self.iso,
                   "-serial", "tcp:127.0.0.1:%d" % port, "-debugcon", "stdio", "-global", "isa-debugcon.iobase=0xe9",
                   "-monitor", "none"] + self.extra
        if self.uefi:
            variables = os.path.join(self.folder, "vars.fd")
            shutil.copyfile(OVMF_VARS, variables)
            command += ["-drive", "if=pflash,format=raw,readonly=on,file=" + OVMF_CODE,
                        "-drive", "if=pflash,format=raw,file=" + variables]
        return command
