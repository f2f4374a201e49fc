import test from 'ava'
import type { Outcome, RunPlan, TrainingEvent, Watcher } from 'rnnative'
import { fitOptions, makeModel, temporaryDirectory, text } from '../models/language/support.mjs'

class Recorder implements Watcher {
  readonly told: string[] = []
  plan: RunPlan | null = null
  last: TrainingEvent | null = null
  outcome: Outcome | null = null

  begin(plan: RunPlan): void {
    this.plan = plan
    this.told.push('begin')
  }

  event(event: TrainingEvent): void {
    this.last = event
    this.told.push(String(event.step))
  }

  async end(outcome: Outcome): Promise<void> {
    await Promise.resolve()
    this.outcome = outcome
    this.told.push('end')
  }
}

/** The warnings of this process that `body` causes. */
async function warnings(body: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = []
  const listen = ({ message }: Error) => void heard.push(message)
  process.on('warning', listen)
  await body()
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  return heard
}

test('watchers are told the plan, every event and the result', async (t) => {
  await using model = makeModel()
  const [watcher, steps] = [new Recorder(), [] as number[]]
  const watch = [watcher, ({ step }: TrainingEvent) => void steps.push(step)]
  const result = await model.fit(text, { ...fitOptions(), maxSteps: 3, watch })
  t.deepEqual(watcher.told, ['begin', '1', '2', '3', 'end'])
  t.deepEqual(steps, [1, 2, 3])
  t.like(watcher.plan, { steps: 3, maxSeconds: null, unit: 'tokens', device: 'cpu' })
  t.is(watcher.plan?.parameters, model.parameterCount)
  t.deepEqual(watcher.plan?.begun, { step: 0, seconds: 0 })
  t.deepEqual(watcher.outcome, { result })
  t.is(watcher.last?.items, result.items)
  t.like(watcher.last, { tokens: result.items, unit: 'tokens' })
  t.like(result, { tokens: result.items, unit: 'tokens' })
})

test('the plan of a run by passes, and of one that is resumed', async (t) => {
  await using model = makeModel()
  const checkpoint = temporaryDirectory()
  const watcher = new Recorder()
  const options = { ...fitOptions(), checkpoint, watch: watcher }
  await model.fit(text, { ...options, maxSeconds: 0.05 })
  const { stepsPerEpoch, steps, maxSeconds } = watcher.plan as RunPlan
  t.deepEqual([steps, maxSeconds], [null, 0.05])
  const again = new Recorder()
  const watch = [again, { begin: () => run.abort() }]
  const run = model.fit(text, { ...options, watch, overwrite: true, epochs: 1000, maxSteps: 1e6 })
  await run
  t.is(again.plan?.steps, 1000 * (stepsPerEpoch as number))
  const resumed = new Recorder()
  await model.fit(text, { ...options, watch: resumed, resume: true, maxSteps: 1 })
  t.is(resumed.plan?.begun.step, watcher.last?.step)
})

test('a watcher that fails is told of once, sees no more, and stops nobody else', async (t) => {
  await using model = makeModel()
  const watcher = new Recorder()
  let [thrown, rejected] = [0, 0]
  const watch = [
    () => {
      ++thrown
      throw new Error('no room')
    },
    async () => {
      ++rejected
      await Promise.resolve()
      throw new Error('no line')
    },
    { end: () => Promise.reject(new Error('no end')) },
    watcher,
  ]
  const heard = await warnings(async () => {
    const { step } = await model.fit(text, { ...fitOptions(), maxSteps: 4, watch })
    t.is(step, 4)
  })
  t.is(thrown, 1)
  t.is(rejected, 1)
  t.deepEqual(
    heard.filter((line) => /^\[fit\] watch/.test(line)).map((line) => line.replace(/.*: /, '')),
    ['no room', 'no line', 'no end'],
  )
  t.deepEqual(watcher.told, ['begin', '1', '2', '3', '4', 'end'])
})

test('an aborted run tells its watchers the error; what is no watcher is refused', async (t) => {
  await using model = makeModel()
  const controller = new AbortController()
  const watcher = new Recorder()
  const watch = [watcher, () => controller.abort()]
  const error = await t.throwsAsync(
    model.fit(text, { ...fitOptions(), watch, signal: controller.signal }).then(),
    { code: 'ERR_ABORTED' },
  )
  t.is((watcher.outcome as { error: unknown }).error, error)
  const wrong = { ...fitOptions(), watch: 'bar' as unknown as Watcher }
  await t.throwsAsync(model.fit(text, wrong).then(), {
    ...{
      code: 'ERR_ARGUMENT',
      message: /\[fit\] watch: expected watchers or functions, got "bar"/,
    },
  })
})
