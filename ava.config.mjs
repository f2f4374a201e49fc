// Tests are test/**/*.test.mts, compiled to dist-test/ (npm run build:test). They import the public API as
// 'rnnative' (the package refers to itself) and internal modules as '#dist/path/file.js' ("imports" in
// package.json); `import x from '../../dist/...'` works too, since dist-test/ mirrors test/.
// Data files are read relative to the project's root, which is the working directory.

/** The longest files, which begin first, so that none of them runs on alone at the end. */
const LONG = [
  'train/programs',
  'ops/recurrent/basic',
  'ops/recurrent/',
  'models/seq2seq',
  'models/',
  'cli/',
]
const rank = (file) => {
  const index = LONG.findIndex((part) => file.includes(part))
  return index < 0 ? LONG.length : index
}

export default {
  sortTestFiles: (a, b) => rank(a) - rank(b) || a.localeCompare(b),
  files: ['dist-test/**/*.test.mjs'],
  // Processes, not worker threads: every test file gets an engine of its own.
  workerThreads: false,
  concurrency: 2,
  timeout: '10m',
  failWithoutAssertions: true,
}
