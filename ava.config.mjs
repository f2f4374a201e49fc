// Tests are test/**/*.test.mts, compiled to dist-test/ (npm run build:test). They import the public API as
// 'rnnative' (the package refers to itself) and internal modules as '#dist/path/file.js' ("imports" in
// package.json); `import x from '../../dist/...'` works too, since dist-test/ mirrors test/.
// Data files are read relative to the project's root, which is the working directory.
export default {
  files: ['dist-test/**/*.test.mjs'],
  // Processes, not worker threads: every test file gets an engine of its own.
  workerThreads: false,
  concurrency: 2,
  timeout: '10m',
  failWithoutAssertions: true,
}
