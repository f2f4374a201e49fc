import test, { type ExecutionContext } from 'ava'
import {
  appendFileSync,
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RnnativeError, watch } from 'rnnative'
import { dashboard } from '#dist/watch/dashboard.js'
import { Runs } from '#dist/watch/runs/runs.js'
import { send } from '../serve/support.mjs'
import { event, plan, result } from './support.mjs'

function temporary(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'rnnative-runs-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  return root
}

const pointsOf = (runs: Runs, run: string, tag: string) =>
  runs.get(run)?.curves.get(tag)?.points(0, Infinity, 100)

/** All that there is now, whatever was just looked at. */
async function look(root: string): Promise<Runs> {
  const runs = new Runs(root)
  await runs.refresh(60_000)
  return runs
}

const validation = { loss: 1.25, measures: { f1: 0.5 }, best: true, seconds: 1 }

test('what a run records is read: curves, settings, texts, how it ended', async (t) => {
  const root = temporary(t)
  const recorder = watch.record(join(root, 'a', 'deep'))
  recorder.begin(plan({ facts: { vocabulary: 60 } }))
  t.deepEqual((await look(root)).all, [])
  recorder.event(event(1, { measures: { accuracy: 0.25 }, penalties: { l2: 0.5 } }))
  recorder.event(event(2, { loss: NaN, validation }))
  recorder.text('sample', '鯨 <b>')
  await recorder.end({ result })
  const runs = await look(root)
  const name = join('a', 'deep')
  t.deepEqual(pointsOf(runs, name, 'train/loss'), { steps: [1, 2], values: [3, null] })
  t.deepEqual(pointsOf(runs, name, 'validation/f1'), { steps: [2], values: [0.5] })
  t.deepEqual(pointsOf(runs, name, 'train/penalty/l2'), { steps: [1], values: [0.5] })
  for (const tag of ['gradient_norm', 'learning_rate', 'items_per_second', 'accuracy', 'memory'])
    t.true((pointsOf(runs, name, `train/${tag}`)?.values[0] as number) > 0, tag)
  t.like(runs.get(name)?.settings, { vocabulary: 60, unit: 'tokens', parameters: 12345 })
  t.deepEqual(runs.get(name)?.texts, [{ tag: 'sample', step: 2, text: '鯨 <b>' }])
  t.is(runs.get(name)?.stopped, 'steps')
})

test('a run that goes on is read on; one that resumes takes the place of what was beyond it', async (t) => {
  const root = temporary(t)
  const first = watch.record(root)
  first.begin(plan())
  for (let step = 1; step <= 5; ++step) first.event(event(step))
  await first.end({ error: new RnnativeError('ERR_ABORTED', 'killed') })
  const runs = new Runs(root)
  await runs.refresh(60_000)
  t.is(runs.get('.')?.curves.get('train/loss')?.length, 5)
  t.is(runs.get('.')?.stopped, 'error')
  // Half a line, as a killed process leaves it.
  appendFileSync(join(root, 'events.jsonl'), '{"event":"step","step":6,"lo')
  const second = watch.record(root)
  second.begin(plan({ begun: { step: 3, seconds: 1 } }))
  second.event(event(4, { loss: 7 }))
  await second.end({ result })
  await new Promise((done) => setTimeout(done, 600))
  await runs.refresh(60_000)
  t.deepEqual(pointsOf(runs, '.', 'train/loss'), { steps: [1, 2, 3, 4], values: [3, 1.5, 1, 7] })
  const third = watch.record(root)
  third.begin(plan())
  third.event(event(1, { loss: 8 }))
  await third.end({ result })
  t.deepEqual(pointsOf(await look(root), '.', 'train/loss'), { steps: [1], values: [8] })
})

test('files of TensorBoard, and lines that were kept, are runs, too; other files are none', async (t) => {
  const root = temporary(t)
  const board = watch.tensorboard(join(root, 'board'))
  board.begin(plan())
  board.event(event(1, { validation }))
  board.text('sample', 'text')
  board.event(event(2))
  await board.end({ result })
  const again = watch.tensorboard(join(root, 'board'))
  again.begin(plan({ begun: { step: 1, seconds: 0 } }))
  again.event(event(2, { loss: 9 }))
  await again.end({ result })
  const stream = createWriteStream(join(root, 'kept.jsonl'))
  const json = watch.json({ stream })
  json.begin?.(plan())
  json.event?.(event(1))
  await json.end?.({ result })
  stream.end()
  await once(stream, 'close')
  writeFileSync(join(root, 'data.jsonl'), '{"text":"a"}\n')
  mkdirSync(join(root, 'empty'))
  const runs = await look(root)
  t.deepEqual(runs.all.map(({ name }) => name).sort(), ['board', 'kept.jsonl'])
  t.deepEqual(pointsOf(runs, 'board', 'train/loss'), { steps: [1, 2], values: [3, 9] })
  t.deepEqual(pointsOf(runs, 'kept.jsonl', 'train/loss'), { steps: [1], values: [3] })
  t.like(runs.get('board')?.texts, [{ tag: 'sample', text: 'text' }])
})

test('what is damaged, cut short or replaced is read as far as it goes', async (t) => {
  const root = temporary(t)
  const file = join(root, 'events.jsonl')
  const step = (n: number, loss: unknown) => `${JSON.stringify({ event: 'step', step: n, loss })}\n`
  writeFileSync(
    file,
    `${step(1, 2)}[]\nnull\n{"event":"step"}\n${step(2, 'x')}\u0000\n${step(3, 4)}`,
  )
  const runs = new Runs(root)
  await runs.refresh(60_000)
  t.deepEqual(pointsOf(runs, '.', 'train/loss'), { steps: [1, 3], values: [2, 4] })
  truncateSync(file)
  appendFileSync(file, step(1, 5))
  await new Promise((done) => setTimeout(done, 600))
  await runs.refresh(60_000)
  t.deepEqual(pointsOf(runs, '.', 'train/loss'), { steps: [1], values: [5] })
})

test('the page of runs is served, and what it draws', async (t) => {
  const root = temporary(t)
  const recorder = watch.record(root)
  recorder.begin(plan())
  for (let step = 1; step <= 3000; ++step) recorder.event(event(step))
  await recorder.end({ result })
  const { url, close } = await dashboard(root, { port: 0 })
  t.teardown(close)
  const page = await send(url)
  t.regex(
    String(page.headers['content-security-policy']),
    /^default-src 'none'; script-src 'sha256-/,
  )
  const scripts = page.body.split('<script>')
  t.is(scripts.length, 2)
  t.notThrows(() => new Function(scripts[1]!.slice(0, scripts[1]!.indexOf('</script>'))))
  const { json } = await send(`${url}/v1/runs`)
  const [run] = json['runs'] as Record<string, unknown>[]
  t.like(run, { name: '.', steps: 3000, stopped: 'steps' })
  const path = `${url}/v1/curves?tag=train/loss&tag=none&run=.&run=gone&points=100`
  const { curves } = (await send(path)).json as {
    curves: { tag: string; runs: { steps: number[] }[] }[]
  }
  t.deepEqual(
    curves.map(({ tag, runs }) => [tag, runs.length]),
    [
      ['train/loss', 1],
      ['none', 0],
    ],
  )
  t.true(curves[0]!.runs[0]!.steps.length <= 100)
  t.is((await send(`${path}&from=x&to=-1`)).status, 200)
  t.is((await send(`${url}/nothing`)).status, 404)
  t.is((await send(url, undefined, { host: 'evil.example' })).status, 403)
  await t.throwsAsync(dashboard(join(root, 'gone')), { code: 'ERR_IO' })
})
