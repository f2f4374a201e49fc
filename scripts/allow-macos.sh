#!/usr/bin/env bash
# Changes package.json (in the release workflow only) so that npm also installs the package on macOS. A Linux with musl
# then gets no prebuilt binary, since those are tagged with their libc, and builds from source.
set -euo pipefail
cd "$(dirname "$0")/.."
npm pkg delete libc
npm pkg set 'os[]=darwin'
