import { spawnSync } from 'node:child_process'
import test from 'ava'
import { watch, type TrainingEvent } from 'rnnative'
import { event, plan, result, Screen } from './support.mjs'

/** Draws these events one after the other, each whatever the clock says. */
function draw(screen: Screen, changes: Parameters<typeof plan>[0], events: TrainingEvent[]): void {
  for (const one of events) {
    const bar = watch.bar({ stream: screen.stream })
    bar.begin?.(plan(changes))
    bar.event?.(one)
    void bar.end?.({ result })
  }
}

const VALIDATION = { validation: { loss: 1.51234, best: true, seconds: 1 } }

test('a bar has loss, speed and time left, by steps or by time, from where a run resumed', (t) => {
  const cases: [Parameters<typeof plan>[0], TrainingEvent, RegExp][] = [
    [{}, event(10), /25% \| epoch 1 \| loss 0\.3000 \| 258,600 tokens\/s \| 0:08 left/],
    [{ maxSeconds: 5 }, event(10), /50% .* 0:03 left/],
    [{ steps: null }, event(10), / 0% .* \? left/],
    [{ steps: null, maxSeconds: 5 }, event(20), /100% .* 0:00 left/],
    [{ begun: { step: 30, seconds: 0.5 } }, event(32, { seconds: 4.5 }), / 21% .* 0:16 left/],
    [{ unit: 'examples' }, event(10, { unit: 'examples' }), /258,600 examples\/s/],
    [{}, event(10, VALIDATION), /loss 0\.3000 \(1\.5123\)/],
  ]
  for (const [changes, one, expected] of cases) {
    const screen = new Screen(80)
    draw(screen, changes, [one])
    t.regex(screen.lines.at(-2) ?? '', expected)
  }
})

test('a bar keeps to the width of its terminal and tells speed and time left last', (t) => {
  const events = [
    event(1, { loss: NaN }),
    event(9, { itemsPerSecond: 12345678, epoch: 1000, seconds: 86400, ...VALIDATION }),
    event(20, VALIDATION),
    event(40, { loss: 12.5, ...VALIDATION }),
    event(40, {
      ...{ loss: 2.1e10, itemsPerSecond: 12345678, seconds: 86400 },
      validation: { loss: 3.1e12, best: true, seconds: 1 },
    }),
  ]
  for (const columns of [80, 100, 132, 60, 40, 20]) {
    const screen = new Screen(columns)
    draw(screen, { steps: 40 }, events)
    t.true(screen.drawn.length >= events.length)
    for (const line of screen.drawn) t.true(line.length <= columns, line)
    if (columns < 80) continue
    for (const line of screen.drawn) t.regex(line, /█|░.*\d tokens\/s \| \d+:\d\d left$/)
  }
})

test('nothing is drawn where there is no terminal', (t) => {
  const screen = new Screen()
  draw(screen, {}, [event(1), event(2)])
  t.is(screen.text, '')
})

test('lines are written above a bar, which stays whole', (t) => {
  const screen = new Screen(80)
  const watchers = [
    watch.bar({ stream: screen.stream }),
    watch.lines({ stream: screen.stream }),
    watch.bar({ stream: new Screen(100).stream }),
  ]
  for (const watcher of watchers) watcher.begin?.(plan())
  for (const one of [event(1), event(20, VALIDATION), event(40)])
    for (const watcher of watchers) watcher.event?.(one)
  for (const watcher of watchers) void watcher.end?.({ result })
  const [facts, , validated, bar, last, ...rest] = screen.lines
  t.regex(facts ?? '', /^tokens 5,000, /)
  t.regex(validated ?? '', /^epoch 2 step 20 /)
  t.regex(bar ?? '', /^█+ 100% .* left$/)
  t.regex(last ?? '', /^epoch 4 step 40 /)
  t.regex(rest.join('\n'), /^all steps done after step 40/)
})

test('a bar goes away with a run that fails', (t) => {
  const screen = new Screen(80)
  const bar = watch.bar({ stream: screen.stream })
  bar.begin?.(plan())
  bar.event?.(event(1))
  void bar.end?.({ error: new Error('no more') })
  // The cursor is shown again and below what was drawn last.
  t.regex(screen.text, /\[\?25h[^]*left\n$/)
  t.false(screen.text.includes('no more'))
})

for (const [how, end, signal] of [
  ['an exit', 'process.exit(3)', null],
  ['a signal', "process.kill(process.pid, 'SIGTERM')", 'SIGTERM'],
  ['a closed terminal', "process.kill(process.pid, 'SIGHUP')", 'SIGHUP'],
  [
    'a second Ctrl-C',
    "process.once('SIGINT', () => process.kill(process.pid, 'SIGINT')); process.kill(process.pid, 'SIGINT')",
    'SIGINT',
  ],
] as const)
  test(`the cursor is back after ${how}`, (t) => {
    const script = `
      const { watch } = require(${JSON.stringify(process.cwd())})
      const stream = { isTTY: true, columns: 80, write: (text) => require('fs').writeSync(1, text) }
      const bar = watch.bar({ stream })
      bar.begin(${JSON.stringify(plan())})
      bar.event(${JSON.stringify(event(1))})
      setTimeout(() => undefined, 5000)
      ${end}`
    const outcome = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    t.is(outcome.signal, signal)
    t.true(outcome.stdout.includes('\x1b[?25l'))
    t.true(outcome.stdout.endsWith('\x1b[?25h\x1b[?7h\n'))
  })
