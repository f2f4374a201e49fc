#!/usr/bin/env bash
# Holds binaries against the oldest system that docs/install.md promises: glibc 2.28, which is Node's own floor, and the libstdc++
# of GCC 8, as RHEL 8 and Debian 10 have; the CUDA library against glibc 2.34 and GCC 11. Symbols of newer ones must not be asked
# for: what would ask for them is turned to older versions by cmake/floor.cc and native/abi/floor.h.
#
# usage: check-floor.sh BINARY...
set -euo pipefail
addon='GLIBC 2.28
GLIBCXX 3.4.25
CXXABI 1.3.11
GCC 8.0'
cuda='GLIBC 2.34
GLIBCXX 3.4.29
CXXABI 1.3.13
GCC 11.0'

status=0
for binary; do
  if [[ $binary == *librnnative_cuda* ]]; then floor=$cuda; else floor=$addon; fi
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
