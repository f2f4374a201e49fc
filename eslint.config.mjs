import eslint from '@eslint/js'
import tseslint from 'typescript-eslint'
import { layersRule } from './scripts/layers.mjs'

const nodeGlobals = Object.fromEntries(
  [
    ...['process', 'console', 'URL', 'Buffer', 'performance', 'AbortController', 'AbortSignal'],
    ...['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate'],
    ...['TextEncoder', 'TextDecoder', 'structuredClone', 'queueMicrotask', 'globalThis'],
  ].map((name) => [name, 'readonly']),
)

export default tseslint.config(
  {
    ignores: [
      'dist',
      'dist-test',
      'build',
      '.cmake',
      'prebuilds',
      '.gpu',
      '.cache',
      'runs',
      'site',
    ],
  },
  eslint.configs.recommended,
  { languageOptions: { globals: nodeGlobals } },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs' },
  },
  {
    files: ['ts/**/*.{ts,mts}', 'test/**/*.mts'],
    extends: [tseslint.configs.recommended],
    languageOptions: {
      parserOptions: {
        project: ['tsconfig.json', 'tsconfig.test.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
    },
  },
  {
    files: ['ts/**/*.{ts,mts}'],
    plugins: { rnnative: { rules: { layers: layersRule } } },
    rules: { 'rnnative/layers': 'error' },
  },
)
