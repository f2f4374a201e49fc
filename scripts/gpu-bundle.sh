#!/usr/bin/env bash
# Packs into .gpu/ what scripts/gpu-run.sh needs on a GPU machine that has neither Node nor a network: node itself, the
# compiled TypeScript, the packages that the tests and the native build use, and the data of the long runs. Node is
# packed once.
# Before: npm run build:ts && npm run build:test
set -euo pipefail
cd "$(dirname "$0")/.."
most=$((60 << 20))
mkdir -p .gpu

node=$(node -p process.execPath)
if ldd "$node" | grep -qE 'lib(node|uv|ssl|icu)'; then
  echo "$node needs libraries of this system; put the official build of Node (https://nodejs.org/dist, linux-x64) first on PATH" >&2
  exit 1
fi
if [ ! -e .gpu/node.xz ] || [ "$(cat .gpu/node.version 2> /dev/null)" != "$(node --version)" ]; then
  xz --threads=0 --stdout "$node" > .gpu/node.xz
  node --version > .gpu/node.version
fi

# These packages and what they depend on.
packages=$(node - ava fast-check node-gyp-build node-addon-api node-api-headers commander cli-progress << 'SCRIPT'
const { existsSync, readFileSync } = require('node:fs')
const found = new Set()
function add(name, from) {
  let folder = from
  while (!existsSync(`${folder}node_modules/${name}/package.json`)) {
    if (folder === '') throw new Error(`${name} is not installed: run npm ci`)
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('node_modules/')))
  }
  const own = `${folder}node_modules/${name}`
  if (found.has(own)) return
  found.add(own)
  const { dependencies = {} } = JSON.parse(readFileSync(`${own}/package.json`, 'utf8'))
  for (const dependency of Object.keys(dependencies)) add(dependency, `${own}/`)
}
for (const name of process.argv.slice(2)) add(name, '')
// A package that lies inside another one comes with it.
const inside = (own) => [...found].some((other) => own.startsWith(`${other}/`))
console.log([...found].filter((own) => !inside(own)).join('\n'))
SCRIPT
)
tar --create --exclude='*.map' --exclude='*.d.ts' --exclude='*.d.mts' --exclude='*.d.cts' dist dist-test $packages |
  xz --threads=0 > .gpu/javascript.tar.xz

data=${RNNATIVE_DATA:-../shared/data}
for set in translation/multi30k/tok lm/wikitext-2; do
  if [ ! -d "$data/$set" ]; then
    echo "no $data/$set: the run over it will fail there (RNNATIVE_DATA names the folder)" >&2
    continue
  fi
  mkdir -p ".gpu/data/$set"
  cp --update --no-preserve=mode "$data/$set"/*.gz ".gpu/data/$set/"
done

size=$(du --apparent-size --bytes --summarize .gpu | cut -f1)
echo ".gpu: $((size >> 20)) MiB"
[ "$size" -le "$most" ] || { echo "more than $((most >> 20)) MiB: it would not travel" >&2; exit 1; }
