#!/bin/sh
# Runs a command in a namespace where the kernel starts programs for ARM64 with qemu. To be called through `unshare`.
set -eu
qemu=$(command -v qemu-aarch64-static) || {
  echo 'qemu-aarch64-static is missing; install it with: apt-get install qemu-user-static' >&2
  exit 125
}
binfmt=/proc/sys/fs/binfmt_misc
mount -t binfmt_misc none "$binfmt" || {
  echo 'this kernel has no binfmt_misc in user namespaces (Linux 6.7 has); install qemu-user-static with its binfmt rules' >&2
  exit 125
}
# A 64-bit program (2), little-endian (1), for AArch64 (0xb7). F: the emulator is opened now, wherever programs look later.
printf ':flavor-arm64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:%s:%s:F' \
  '\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff' "$qemu" >"$binfmt/register"
exec "$@"
