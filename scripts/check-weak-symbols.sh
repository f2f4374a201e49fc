#!/usr/bin/env bash
# Refuses weak definitions in the per-ISA objects (native/cpu): of several copies of a std:: template or inline
# function the linker keeps any one, so an AVX-512 copy could end up in the code for plain x86-64.
# Weak data that only names the exception personality holds no code and is let through.
# usage: check-weak-symbols.sh [CMake tree, default .cmake/release]
set -euo pipefail
cd "$(dirname "$0")/.."
tree=${1:-.cmake/release}
mapfile -t objects < <(find "$tree" -path '*rnnative_cpu_*' -name '*.o')
[ "${#objects[@]}" -gt 0 ] || { echo "no per-ISA objects in $tree" >&2; exit 1; }
if weak=$("${NM:-nm}" --demangle --defined-only --print-file-name "${objects[@]}" | grep -E ' [WVu] ' | grep -v 'DW\.ref\.'); then
  echo "weak definitions in per-ISA objects:" >&2
  echo "$weak" | sed "s|^$tree/CMakeFiles/||" >&2
  exit 1
fi
echo "no weak definitions in ${#objects[@]} per-ISA objects"
