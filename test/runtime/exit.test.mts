import test from 'ava'
import { runScript } from './child.mjs'

// Each case leaves some tenths of a second of work in the queue.
const work = `
  const x = native.full('cpu', 'f32', [400, 400], 0.01);
  for (let i = 0; i < 100; ++i) native.dispose(native.matmul(x, x, false, false));
`

const cases: [string, string, number][] = [
  ['falling off the end', work, 0],
  ['process.exit', `${work} process.exit(3)`, 3],
  ['process.exit with a read open', `${work} native.read(x); process.exit(4)`, 4],
  ['an exception', `${work} throw new Error('mine')`, 1],
  ['an unhandled rejection', `${work} native.read(native.empty('cpu', 'f32', [1]))`, 1],
]
for (const [name, script, code] of cases)
  test(`exits cleanly with work in flight: ${name}`, async (t) => {
    for (let i = 0; i < 3; ++i) {
      const { signal, code: actual, stderr } = await runScript(script)
      t.is(signal, null, stderr)
      t.is(actual, code, stderr)
    }
  })

test('an open read keeps the process alive until it settles', async (t) => {
  const { code, stdout } = await runScript(`${work}
    native.read(native.view(x, 0, [1])).then((v) => console.log('read', v.length))`)
  t.is(code, 0)
  t.is(stdout.trim(), 'read 1')
})

test('RNNATIVE_ISA is an error at the first use when it names no ISA of this machine', async (t) => {
  const script = `
    for (const use of [() => native.info(), () => native.full('cpu', 'f32', [1], 0)])
      try { use(); console.log('no error') } catch (e) { console.log(e.code, e.message) }`
  const { code, stdout } = await runScript(script, { RNNATIVE_ISA: 'mmx' })
  t.is(code, 0)
  t.is(stdout.match(/ERR_ARGUMENT \[isa\] RNNATIVE_ISA: expected one of .*, got 'mmx'/g)?.length, 2)
})

test('RNNATIVE_ISA and OMP_NUM_THREADS are obeyed', async (t) => {
  const script = `const { isa, threads } = native.info(); console.log(isa, threads)`
  const isa = process.arch === 'arm64' ? 'neon' : 'generic'
  const { stdout } = await runScript(script, { RNNATIVE_ISA: isa, OMP_NUM_THREADS: '3' })
  t.is(stdout.trim(), `${isa} 3`)
})
