#!/usr/bin/env bash
# Runs clang-format-19 over all native code: scripts/clang-format.sh -i, or --dry-run -Werror.
set -euo pipefail
cd "$(dirname "$0")/.."
find native cuda -type f \( -name '*.cc' -o -name '*.h' -o -name '*.inc' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 -r "${CLANG_FORMAT:-clang-format-19}" "$@"
