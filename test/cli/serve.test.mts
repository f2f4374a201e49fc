import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fixture, send } from '../serve/support.mjs'
import { rnnative } from './support.mjs'

/** A command that listens, and where. */
async function listening(t: ExecutionContext, args: readonly string[]) {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], { stdio })
  t.teardown(() => child.kill('SIGKILL'))
  const [first] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const url = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(first)?.[1]
  t.truthy(url, first)
  return { child, url: url as string }
}

test('serve answers until a signal comes, loads models anew at another, and answers what was asked', async (t) => {
  const args = ['serve', '--model', fixture('seq2seq'), '--port', '0']
  const { child, url } = await listening(t, args)
  const path = `${url}/v1/models/model/translate`
  t.is((await send(path, { inputs: ['abc'] })).status, 200)
  const notes = createInterface({ input: child.stderr })
  child.kill('SIGHUP')
  t.deepEqual(await once(notes, 'line'), ['note: the models were loaded anew'])
  const going = send(path, { inputs: ['abcdef'], beam: 8, minLength: 400, maxLength: 400 })
  const asked = async () =>
    /inputs_(running|waiting)\{[^}]*\} 1/.test((await send(`${url}/metrics`)).body)
  for (let i = 0; i < 1000 && !(await asked()); ++i);
  child.kill('SIGTERM')
  t.is((await going).status, 200)
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('watch shows what a command trains, from what it has written', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'rnnative-watch-'))
  t.teardown(() => rmSync(root, { recursive: true, force: true }))
  writeFileSync(join(root, 'text.txt'), 'the whale swims in the sea. '.repeat(50))
  const trained = await rnnative([
    ...['lm', 'train', '--text', join(root, 'text.txt'), '--unit', 'char', '--hidden', 4],
    ...['--max-steps', 3, '--checkpoint', join(root, 'runs', 'lm')],
  ])
  t.is(trained.code, 0, trained.stderr)
  const { child, url } = await listening(t, ['watch', join(root, 'runs'), '--port', '0'])
  const { json } = await send(`${url}/v1/runs`)
  const [run] = json['runs'] as { name: string; curves: { tag: string; length: number }[] }[]
  t.is(run?.name, 'lm')
  t.like(
    run?.curves.find(({ tag }) => tag === 'train/loss'),
    { length: 3 },
  )
  t.like(run, { stopped: 'steps', settings: { cell: 'lstm', hidden: 4 } })
  child.kill('SIGTERM')
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('what makes no sense is one line', async (t) => {
  const wrong = await rnnative(['serve', '--model', fixture('seq2seq'), '--host', '0.0.0.0'])
  t.is(wrong.code, 1)
  t.regex(
    wrong.stderr,
    /^error: \[serve\] host: expected an address of this machine alone[^\n]*\n$/,
  )
  t.is((await rnnative(['serve', '--model', 'a', '--port', 'x'])).code, 2)
})
