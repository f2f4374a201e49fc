// Makes rnnative-cuda/, the package of the CUDA backend, around the library given, which is moved into it:
//   node scripts/cuda-package.mjs prebuilds/linux-x64/librnnative_cuda.so
// Its version is that of rnnative, whose addon refuses a library built from other sources.
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..')
const folder = path.join(root, 'rnnative-cuda')
const library = path.resolve(process.argv[2])
const [, platform, arch] = /([a-z0-9]+)-([a-z0-9]+)$/.exec(path.dirname(library))
const { version, license, author, homepage, bugs, repository } = JSON.parse(
  readFileSync(path.join(root, 'package.json'), 'utf8'),
)
const name = 'rnnative-cuda'

const manifest = {
  name,
  version,
  description: `The CUDA backend of rnnative: device 'cuda' on NVIDIA GPUs`,
  keywords: ['rnnative', 'cuda', 'gpu'],
  ...{ homepage, bugs, license, author, repository },
  type: 'commonjs',
  exports: { './package.json': './package.json' },
  files: [path.basename(library), 'THIRD_PARTY_NOTICES'],
  ...{ os: [platform], cpu: [arch], libc: ['glibc'] },
}
const readme = `# ${name}

The CUDA backend of [rnnative](${homepage}): with it \`device: 'cuda'\` runs on an NVIDIA GPU (compute capability 8.0 or
newer, a driver for CUDA 13).

\`\`\`sh
npm install rnnative@${version} ${name}@${version}
npx rnnative doctor
\`\`\`

It holds a library that rnnative opens when a GPU is asked for, and nothing to import. Both have the same version.
`

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder)
renameSync(library, path.join(folder, path.basename(library)))
for (const file of ['LICENSE', 'THIRD_PARTY_NOTICES'])
  copyFileSync(path.join(root, file), path.join(folder, file))
writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
writeFileSync(path.join(folder, 'README.md'), readme)
