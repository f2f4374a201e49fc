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

test('lines: what is learned from, validations and checkpoints, how it ended', (t) => {
  t.deepEqual(follow(lines, { result }), [
    'tokens 5,000, vocabulary 60, order shuffled, parameters 12,345, steps per pass 10, device cpu',
    'epoch 2 step 20 loss 0.1500 accuracy 0.5000 validation 1.2000 (best) accuracy 0.9123 258,600 tokens/s 0:05',
    'epoch 4 step 40 loss 0.0750 258,600 tokens/s 0:10',
    'all steps done after step 40, 0:10 of training',
    'best validation loss 1.2000 at step 20',
    'checkpoint: runs/x/step-40',
  ])
  const aborted = { ...result, stopped: 'aborted' as const, best: null }
  t.deepEqual(follow(lines, { result: aborted }).slice(3), [
    'interrupted after step 40, 0:10 of training',
    'checkpoint: runs/x/step-40 (resume continues it)',
  ])
  const bare = { ...result, best: null, checkpoint: null }
  t.is(follow(lines, { result: bare }).length, 4)
  t.is(follow(lines, { error: new Error('no more') }).length, 3)
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
