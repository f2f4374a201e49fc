import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fixture, send } from '../serve/support.mjs'
import { rnnative } from './support.mjs'

test('serve answers until a signal comes, loads models anew at another, and answers what was asked', async (t) => {
  const args = ['dist/cli/main.js', 'serve', '--model', fixture('seq2seq'), '--port', '0']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const line = createInterface({ input: child.stdout })
  const [first] = (await once(line, 'line')) as [string]
  const url = /^listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(first)?.[1] ?? ''
  const path = `${url}/v1/models/model/translate`
  t.is((await send(path, { inputs: ['abc'] })).status, 200)
  const notes = createInterface({ input: child.stderr })
  child.kill('SIGHUP')
  t.deepEqual(await once(notes, 'line'), ['note: the models were loaded anew'])
  const going = send(path, { inputs: ['abcdef'.repeat(20)], beam: 8 })
  while (!/inputs_(running|waiting)\{[^}]*\} 1/.test((await send(`${url}/metrics`)).body));
  child.kill('SIGTERM')
  t.is((await going).status, 200)
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
