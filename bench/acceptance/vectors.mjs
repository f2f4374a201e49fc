// Vectors of English words for taggers, learned of the texts in ../shared/data that have no part in any test: skip-gram over
// words and their parts (fastText's), written as text.
//
//   node bench/acceptance/vectors.mjs OUT.vec [--dim N] [--epochs N] [--window N] [--min-count N]
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { data, readText } from 'rnnative'
import { DATA } from './seq2seq.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dim: { type: 'string', default: '100' },
    epochs: { type: 'string', default: '5' },
    window: { type: 'string', default: '5' },
    'min-count': { type: 'string', default: '3' },
  },
})
if (positionals.length !== 1) throw new Error('expected OUT.vec, the file to write')
const CLI = path.resolve(import.meta.dirname, '../../dist/cli/main.js')

const lines = async (file) => (await readText(`${DATA}/${file}`)).split('\n').filter(Boolean)
/** Words and marks apart, as the taggers' sentences are. */
const parted = (text) =>
  text.match(/[@#]?[\p{L}\p{N}_]+(?:[-.'][\p{L}\p{N}]+)*|\.{3}|[^\s]/gu)?.join(' ') ?? ''
const sentences = async (file) =>
  (await data.readConll(`${DATA}/${file}`)).map(({ words }) =>
    words.map((word) => word.replace(/^en:/, '')).join(' '),
  )

const scientific = (await lines('summarisation/SciTLDR-A/train.jsonl.gz')).flatMap(
  (line) => JSON.parse(line).source,
)
const english = (await lines('translation/tatoeba/fra.txt.gz')).map((line) => line.split('\t')[0])
const text = [
  ...(await lines('lm/wikitext-2/train.txt.gz')),
  ...[...new Set(english)].map(parted),
  ...(await lines('translation/multi30k/raw/train.en.gz')).map(parted),
  ...scientific.map(parted),
  ...(await sentences('ner/wikiann-en/train.gz')),
  ...(await sentences('ner/wnut17/wnut17train.conll.gz')),
  ...(await sentences('tagging/UD_English-EWT/en_ewt-ud-train.conllu.gz')),
  ...(await lines('classification/sms-spam/sms.tsv.gz')).map((line) =>
    parted(line.slice(line.indexOf('\t') + 1)),
  ),
]
const scratch = mkdtempSync(path.join(os.tmpdir(), 'rnnative-vectors-'))
const file = path.join(scratch, 'text')
writeFileSync(file, text.join('\n'))
console.log(`${text.length} lines, ${text.join(' ').split(' ').length} words`)
const options = ['dim', 'epochs', 'window', 'min-count'].flatMap((key) => [`--${key}`, values[key]])
const args = ['embed', 'train', '--text', file, '--model', 'fasttext', '--threads', '1']
const { status } = spawnSync(
  process.execPath,
  [CLI, ...args, ...options, '--output', positionals[0]],
  {
    stdio: 'inherit',
  },
)
rmSync(scratch, { recursive: true })
process.exitCode = status
