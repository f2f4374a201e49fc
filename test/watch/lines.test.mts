import test from 'ava'
import { watch, type Outcome, type Watcher } from 'rnnative'
import { event, plan, result, Screen } from './support.mjs'

function follow(make: (stream: NodeJS.WriteStream) => Watcher, outcome: Outcome): string[] {
  const screen = new Screen()
  const watcher = make(screen.stream)
  watcher.begin?.(plan())
  watcher.event?.(event(1))
  const measures = { accuracy: 0.91234 }
  const validation = { loss: 1.2, measures, best: true, seconds: 1 }
  watcher.event?.(event(20, { measures: { accuracy: 0.5 }, validation }))
  watcher.event?.(event(40, { checkpoint: 'runs/x/step-40' }))
  void watcher.end?.(outcome)
  return screen.lines.slice(0, -1)
}

const lines = (stream: NodeJS.WriteStream) => watch.lines({ stream })
const json = (stream: NodeJS.WriteStream) => watch.json({ stream })

test('lines: what is learned from, epochs, validations and checkpoints, how it ended', (t) => {
  t.deepEqual(follow(lines, { result }), [
    'tokens 5,000, vocabulary 60, order shuffled, parameters 12,345, steps per pass 10, device cpu',
    'epoch 1 step 1 loss 3.0000 258,600 tokens/s 0:00',
    'epoch 2 step 20 loss 0.1500 accuracy 0.5000 validation 1.2000 (best) accuracy 0.9123 258,600 tokens/s 0:05',
    'epoch 4 step 40 loss 0.0750 258,600 tokens/s 0:10',
    'all steps done after step 40, 0:10 of training',
    'best validation loss 1.2000 at step 20',
    'checkpoint: runs/x/step-40',
  ])
  const aborted = { ...result, stopped: 'aborted' as const, best: null }
  t.deepEqual(follow(lines, { result: aborted }).slice(4), [
    'interrupted after step 40, 0:10 of training',
    'checkpoint: runs/x/step-40 (resume continues it)',
  ])
  const bare = { ...result, best: null, checkpoint: null }
  t.is(follow(lines, { result: bare }).length, 5)
  t.is(follow(lines, { error: new Error('no more') }).length, 4)
})

test('lines: the last step of each epoch, once', (t) => {
  const screen = new Screen()
  const watcher = lines(screen.stream)
  watcher.begin?.(plan())
  for (const step of [9, 10, 11, 20, 21]) watcher.event?.(event(step, { loss: 3.1e10 }))
  void watcher.end?.({ error: new Error('no more') })
  t.deepEqual(
    screen.lines.slice(1, -1).map((line) => line.split(' ').slice(0, 6).join(' ')),
    [10, 20, 21].map((step) => `epoch ${Math.ceil(step / 10)} step ${step} loss 3.10e+10`),
  )
})

test('json: the start with its facts, every step, the end', (t) => {
  const parse = (outcome: Outcome) =>
    follow(json, outcome).map((line) => JSON.parse(line) as Record<string, unknown>)
  const [start, first, ...rest] = parse({ result })
  const { facts, ...others } = plan()
  t.deepEqual(start, { event: 'start', ...facts, ...others })
  t.deepEqual(first, { event: 'step', ...event(1) })
  t.is(rest.length, 3)
  t.like(rest[0], { step: 20, validation: { measures: { accuracy: 0.91234 } } })
  t.deepEqual(rest[2], { event: 'end', ...result })
  t.is(parse({ error: new Error('no more') }).length, 4)
})
