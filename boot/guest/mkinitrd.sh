#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The demonstration guest's initramfs: busybox, three kernel modules, tdreport, init. Reproducible: fixed times, owner, order.
# Usage: mkinitrd.sh OUTPUT TDREPORT-BINARY [TEST-SCRIPT]
set -eu
output=$(realpath -m "$1")
tdreport=$(realpath "$2")
test_script=${3:+$(realpath "$3")}
cd "$(dirname "$0")/../.."
kernel=third_party/linux-image-6.12.95+deb12-cloud-amd64
modules=$(echo "$kernel"/lib/modules/*/kernel)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree/bin" "$tree/dev" "$tree/proc" "$tree/sys" "$tree/etc" "$tree/lib/modules" "$tree/tmp"
cp third_party/busybox-static/bin/busybox "$tree/bin/busybox"
cp "$tdreport" "$tree/bin/tdreport"
cp boot/guest/init "$tree/init"
cp boot/guest/shrc "$tree/etc/shrc"
[ -z "$test_script" ] || cp "$test_script" "$tree/test"
for module in fs/configfs/configfs drivers/virt/coco/tsm drivers/virt/coco/tdx-guest/tdx-guest; do
	xz -dc "$modules/$module.ko.xz" >"$tree/lib/modules/$(basename "$module").ko"
done
chmod 0755 "$tree/init" "$tree/bin/busybox" "$tree/bin/tdreport"
[ -z "$test_script" ] || chmod 0755 "$tree/test"
mknod "$tree/dev/console" c 5 1 2>/dev/null || true
find "$tree" -exec touch -h -d @0 {} +
(cd "$tree" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet --reproducible -R 0:0 -o -H newc) | gzip -n -9 >"$output"
