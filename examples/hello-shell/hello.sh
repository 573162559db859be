#!/bin/sh
# Greets in the language of GREETING, then shows its arguments one per line.
set -eu
language=${GREETING:-en}
cat "$FLAVOR_WORKENV/share/greetings/$language.txt"
for argument in "$@"; do
  printf '[%s]\n' "$argument"
done
