#!/usr/bin/env bash
# Holds binaries against the oldest system that README.md promises: glibc 2.34 and the libstdc++ of GCC 11, which Debian 12,
# Ubuntu 22.04, RHEL 9 and Amazon Linux 2023 have. Symbols of newer ones must not be asked for.
#
# usage: check-floor.sh BINARY...
set -euo pipefail
floor='GLIBC 2.34
GLIBCXX 3.4.29
CXXABI 1.3.13
GCC 11.0'

status=0
for binary; do
  asked=$("${OBJDUMP:-objdump}" -T "$binary" | grep -oE '\((GLIBC|GLIBCXX|CXXABI|GCC)_[0-9.]+\)' | tr -d '()' | sort -u)
  while read -r name newest; do
    most=$(sed -n "s/^${name}_//p" <<< "$asked" | sort -V | tail -n 1)
    if [ -n "$most" ] && [ "$(printf '%s\n' "$most" "$newest" | sort -V | tail -n 1)" != "$newest" ]; then
      echo "$binary: asks for ${name}_$most, newer than ${name}_$newest" >&2
      status=1
    fi
  done <<< "$floor"
done
exit $status
