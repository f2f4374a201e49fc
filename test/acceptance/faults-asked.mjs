/**
 * What each file must print (`says`) and must not (`never`), with which statuses it may end, and what must be left of
 * what was there (`after`). `timed`: what is measured in time, a few tries. `prepare`: what it needs first.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

const refused = (code, ...more) => ({ says: [new RegExp(code), ...more] })

/** Whether all numbers before `unit` are below a limit, given by a pattern of those that are not. */
const HUNDREDS = String.raw`\b\d{3,}`
const FIFTY = String.raw`\b(?:[5-9]\d|\d{3,})`

const precious =
  (...files) =>
  (scratch) =>
    files.every((file) => {
      const at = path.join(scratch, file)
      return existsSync(at) && readFileSync(at, 'utf8') !== ''
    })
const project = precious('project/config.json', 'project/src/main.js', 'project/.env')

/** A folder with packages and this project among them, as it is packed, with its addon. */
const packages = (name, ...list) =>
  `mkdir -p $TMPDIR/${name} && tarball=$(npm pack --silent --ignore-scripts --pack-destination $TMPDIR) && ` +
  `cp build/Release/rnnative.node $TMPDIR && cd $TMPDIR/${name} && npm init -y && ` +
  `npm install --ignore-scripts --no-audit --no-fund ../$tarball ${list.join(' ')} && ` +
  `mkdir -p node_modules/rnnative/build/Release && mv ../rnnative.node node_modules/rnnative/build/Release`

export const asked = {
  'a01-tensor-strings.mjs': ['csv', 'string', 'cyclic'].map((args) => ({
    args,
    ...refused('^refused: ERR_'),
  })),
  'a02-safetensors-deep-header.mjs': refused('ERR_FORMAT'),
  'a03-config-layers.mjs': refused('ERR_FORMAT', /layers/),
  // Its constructor is not asked any more, and it has nothing to shrink.
  'a04-patched-arraybuffer.mjs': { says: [/survived|reading 'resize'/] },
  'a05-save-deletes-project.mjs': ['""', '.'].map((args) => ({
    ...{ args, after: project },
    ...refused('ERR_ARGUMENT'),
  })),
  'a06-save-deletes-checkpoints.mjs': { says: [/'step-20'[^]*'step-20'/, /resumed at step 21 /] },
  'a07-prune-deletes-step-dirs.mjs': {
    after: precious(...[1, 2, 10].map((n) => `tutorial/step-${n}/lesson.md`)),
  },
  'a08-two-writers.mjs': { never: [/^round/m] },
  'a09-save-not-atomic.mjs': { says: [/after \[ 'model' \]/], never: [/ERR_FORMAT|no such/] },
  'a10-checkpoint-checked-late.mjs': {
    says: [
      /^"" after 0 .*ERR_/m,
      /^5 after 0 .*ERR_/m,
      /^".*ck" after 0 .*ERR_IO/m,
      /^null after 0 .*ERR_/m,
    ],
  },
  'a11-nan-validation.mjs': refused('ERR_NONFINITE', /step 1/),
  'a12-new-run-replaces-best.mjs': {
    ...refused('ERR_ARGUMENT', /resume continues it, overwrite replaces it/),
    after: precious('again/best'),
  },
  'a13-safetensors-unreadable.mjs': { never: [/: written; read back: (?!ok)/] },
  'a14-ids-checked-late.mjs': {
    says: [/^after 0 .*ERR_INDEX.*999[^]*\nafter 0 .*ERR_INDEX.*999/],
  },
  'a15-stdout-ends-training.sh': {
    says: [
      /exit codes [1-9]\d* 0; checkpoint: best\nlatest\nstep/,
      /exit code [1-9]\d*; checkpoint: best\nlatest/,
      /SIGHUP: exit code 129; checkpoint: best\nlatest/,
    ],
    never: [/\n {4}at /],
  },
  'a16-jest.mjs': { says: [/again: i32/, /RnnativeError: true ERR_INDEX/], never: [/^save:/m] },
  'a17-safetensors-shape-bigint.mjs': {
    timed: true,
    never: [new RegExp(`${HUNDREDS} ms`), /\d{4,} characters/],
  },
  'a18-bleu-redos.mjs': { timed: true, never: [new RegExp(`${HUNDREDS} ms`)] },
  'a19-huge-counts.mjs': ['samples', 'beam', 'groups', 'chrf', 'layers'].map((args) => ({
    args,
    ...refused('ERR_ARGUMENT'),
    seconds: 30,
  })),
  'a20-abort-waits-for-validation.mjs': {
    timed: true,
    never: [new RegExp(`${FIFTY} ms`)],
    says: [/stopped \d+ ms/],
  },
  'a21-load-blocks.mjs': {
    timed: true,
    never: [new RegExp(`for ${FIFTY} ms`)],
    says: [/F32 of 5 million blocks/],
  },
  // Linear: a tenth of what three hundred thousand characters took when each merge walked the whole piece.
  'a22-bpe-long-pieces.mjs': {
    timed: true,
    says: [/encode, 200000 spaces/],
    never: [/1000000 characters: \d{5,} ms/, /spaces: \d{4,} ms/],
  },
  'a23-validation-null.mjs': { says: [/stopped: 'epochs'/, /step: 50/] },
  'a24-silent-coercions.mjs': refused('ERR_DTYPE', /lengths.*1\.9/),
  'a25-ids-not-copied.mjs': { says: [/as it is (.*)\ntransferred \1$/] },
  'a26-resume-other-network.mjs': refused('ERR_ARGUMENT', /attention/),
  'a27-unknown-options.mjs': refused('ERR_ARGUMENT', /did you mean hidden/),
  'a30-more-than-2-to-the-29-tokens.mjs': { says: [/^ok 1$/] },
  'a31-raw-type-errors.mjs': { never: [/\(no code\)|TypeError|RangeError/] },
  'a32-read-only.sh': { says: [/read-only/, /exit code 1/], never: [/no such file|epoch 1/] },
  'a33-gzip-bomb.sh': { says: [/unpacks to more than/, /^1?\d{6} kB/m] },
  'b08-nan-best.sh': {
    says: [/ERR_NONFINITE/, /validation \d\.\d+ \(best\)/],
    never: [/NaN \(best\)|"loss": null|ERR_FORMAT/],
  },
  'b15-tied.mjs': refused('ERR_FORMAT', /embedding\.weight and output\.weight/),
  'b16-loss-overflow.mjs': { says: [/unharmed: true/] },
  'b17-blocked.sh': { says: [/^5$/m, /note: 5 empty lines/] },
  'b20-truncated.mjs': { says: [/ true -\d/] },
  'b21-only-unknown.sh': { says: [/ERR_EMPTY/], never: [/finite maximum/] },
  'b22-tab.sh': { says: [/line 1: a tab/], never: [/100\.00|pairs 6/] },
  'b24-utf8.sh': {
    says: [/standard input: line 1[^]*status 1[^]*line 1[^]*status 1[^]*\n0$/],
    never: [/\ufffd/],
  },
  'b26-lone.mjs': refused('ERR_ARGUMENT'),
  'b29-segmenter.sh': { never: [/Error/] },
  // Its second part unpacks 4 GiB by Node alone, however long that takes.
  'b30-gzip.sh': { seconds: 400, says: [/unpacks to more than/] },
  'b32-pipe.sh': {
    says: [/status [1-9]\d*, checkpoint: best[^]*status [1-9]\d*, checkpoint: best[^]*\n1\n/],
  },
  'b33-cursor.sh': { says: [/\^\[\[\?25h( \^\[\[\?7h)?\s*$/], never: [/\?7l\s*$|\?25l\s*$/] },
  'b34-null.sh': { says: [/"perplexity":null/, /perplexity +Infinity/] },
  'b35-resume.sh': { says: [/\[resume\] attention/, /\[resume\] hidden/] },
  'b36-long.mjs': { says: [/^0 .*pair 300.*15000/] },
  'b37-fsync.sh': {
    says: [
      /r22\/step-1\nbest\nlatest\nstep-1/,
      /r95\/step-1\nbest\nlatest\nstep-1/,
      /r5: .*input\/output error/,
      /\nt\.json$/,
    ],
  },
  'b38-link.mjs': {
    says: [/^saved \| saved still a link: true/, /still a link: true\nsaved LanguageModel/],
  },
  'b38-mount.sh': { says: [/^saved\nsaved$/] },
  'b39-hang.sh': { says: [/ERR_IO/, /status 1 /] },
  'b39-readonly.sh': { says: [/read-only/, /real\s0m[0-3]\./], never: [/no such file/] },
  'b40-comma.sh': { says: [/\n-\d+\.\d+\t\d+\n-\d+\.\d+\t\d+$/] },
  'b41-jest.sh': {
    prepare: packages('jest29', 'jest@29'),
    says: [/✓ save/, /✓ error/, /✓ ids/],
    never: [/✕/],
  },
  'b43-binary.sh': {
    prepare: packages('bundle', 'esbuild'),
    says: [/^(avx512|avx2|sse|base|x86)/m],
    // What it looks for begins with `Error`, ours with `RnnativeError`.
    after: (scratch) =>
      /external/.test(
        spawnSync(process.execPath, [path.join(scratch, 'bundle/out/one.cjs')]).stderr,
      ),
  },
  'b45-floor.sh': { never: [/GLIBC_2\.3[5-9]|GLIBCXX_3\.4\.30/] },
  'b50-kinds.mjs': { never: [/TypeError|undefined (?!at)/], says: [/view RnnativeError/] },
  'b50-lengths.mjs': refused('ERR_DTYPE'),
  'c01-freeze.mjs': { says: [/^(?:[a-z ]+(\[[^\]]+\]) → \1\n?){3}$/] },
  // Those in a #private field are refused by the optimizer instead: test/nn/hidden.test.mts.
  'c02-hidden-modules.mjs': { says: [/byName\.a\.weight/, /map\.b\.bias/, /seen\.weight/] },
  'c03-words.mjs': { never: [/<unk>|" cat/], says: [/"dog ran"$/m] },
}
