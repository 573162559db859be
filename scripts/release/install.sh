#!/bin/sh
# Installs flavor, one executable file, for this user:
#
#   curl -fsSL https://…/install.sh | sh
#
#   FLAVOR_INSTALL=DIR              where it goes; by default ~/.local/bin
#   FLAVOR_INSTALL_VERSION=VERSION  another version than the one that this script came with
#
# What is fetched has to have the SHA-256 that stands in this script or, for another version, in a list that is signed by the
# key that stands here. Where openssl knows Ed25519, the signature is checked for every version. Nothing is changed before.
set -eu

# Filled in by scripts/release.ts
version=
releases=
key=
digests=

say() { printf 'flavor: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# In functions, so that a script that was cut off on its way does nothing.
find_target() {
  case $(uname -s) in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "there is no flavor for $(uname -s); Windows has install.ps1" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) arch=amd64 ;;
    aarch64 | arm64) arch=arm64 ;;
    *) fail "there is no flavor for $(uname -m)" ;;
  esac
  # A shell that runs translated on Apple silicon.
  [ "$os" != darwin ] || [ "$(sysctl -n sysctl.proc_translated 2>/dev/null || :)" != 1 ] || arch=arm64
  name=flavor-${os}_$arch
}

fetch() {
  if has curl; then
    curl -fsSL --proto "=https,http" --retry 3 -o "$2" "$1"
  elif has wget; then
    wget -q -O "$2" "$1"
  else
    fail "curl or wget is needed"
  fi || fail "cannot fetch $1"
}

digest_of() {
  if has sha256sum; then
    sha256sum <"$1"
  elif has shasum; then
    shasum -a 256 <"$1"
  elif has openssl; then
    openssl dgst -sha256 -r <"$1"
  else
    fail "sha256sum, shasum or openssl is needed to check what was fetched"
  fi | cut -c 1-64
}

# Fails where openssl is missing, or is LibreSSL or too old.
knows_ed25519() {
  has openssl && openssl pkey -pubin -in "$work/key.pem" -noout 2>/dev/null &&
    openssl pkeyutl -help 2>&1 | grep -q rawin
}

check_signature() {
  fetch "$base/SHA256SUMS.sig" "$work/sums.sig"
  openssl pkeyutl -verify -pubin -inkey "$work/key.pem" -rawin -in "$work/sums" -sigfile "$work/sums.sig" >/dev/null 2>&1 ||
    fail "SHA256SUMS is not signed by the key of flavor's releases; nothing was installed"
}

main() {
  # For tests, which have releases of their own on this machine.
  case ${FLAVOR_RELEASES_URL:-} in
    '') ;;
    http://127.0.0.1:*) releases=$FLAVOR_RELEASES_URL ;;
    *) fail "FLAVOR_RELEASES_URL may only name http://127.0.0.1" ;;
  esac
  [ -n "$version" ] || fail "this script is not from a release"
  wanted=${FLAVOR_INSTALL_VERSION:-$version}
  wanted=${wanted#v}
  base=$releases/download/v$wanted
  find_target
  directory=${FLAVOR_INSTALL:-${HOME:?}/.local/bin}
  mkdir -p "$directory" || fail "cannot make $directory"
  # On the same disk, so that a rename puts it in place.
  work=$(mktemp -d "$directory/.flavor-install.XXXXXX") || fail "cannot write to $directory"
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  printf '%s\n' "$key" >"$work/key.pem"

  fetch "$base/SHA256SUMS" "$work/sums"
  if knows_ed25519; then
    check_signature
  elif [ "$wanted" != "$version" ]; then
    fail "flavor $wanted needs openssl 3 to check its signature; this script can install $version without"
  fi
  expected=$(sed -n "s/^\([0-9a-f]\{64\}\) [ *]$name\$/\1/p" "$work/sums")
  [ -n "$expected" ] || fail "flavor $wanted has no $name"
  if [ "$wanted" = "$version" ]; then
    known=$(printf '%s\n' "$digests" | sed -n "s/^\([0-9a-f]\{64\}\)  $name\$/\1/p")
    [ "$expected" = "$known" ] || fail "SHA256SUMS is not that of flavor $version; nothing was installed"
  fi

  say "fetching $name $wanted"
  fetch "$base/$name" "$work/flavor"
  actual=$(digest_of "$work/flavor")
  [ "$actual" = "$expected" ] ||
    fail "$name has the SHA-256 $actual, expected $expected; nothing was installed"
  chmod 755 "$work/flavor"
  "$work/flavor" --version >"$work/said" 2>"$work/problem" ||
    fail "$name does not start here; nothing was installed: $(tail -n 1 "$work/problem")"
  [ "$(cat "$work/said")" = "flavor $wanted" ] || fail "$name is not version $wanted; nothing was installed"
  mv -f "$work/flavor" "$directory/flavor"
  say "installed $directory/flavor $wanted"
  case :$PATH: in
    *:"$directory":*) ;;
    *) say "$directory is not in PATH; add it: export PATH=\"$directory:\$PATH\"" ;;
  esac
}

main
