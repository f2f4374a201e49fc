/** Serving saved models over HTTP until a signal comes. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import type { Made } from '../../schema'
import { text } from '../../schema'
import { serverOptions } from '../../serve/options'
import { addFlags, takeFlags, threads, type Flags } from '../arguments'
import { untilStopped } from '../stopping'
import { setThreads } from '../threads'

const serveFlags = {
  model: text({
    about: 'a saved model or a checkpoint directory; several, parted by commas, each by its name',
    ...{ argument: '<dirs>', required: true },
  }),
  ...serverOptions.rows,
  threads,
}

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .description(
      'answer requests to models over HTTP (needs fastify): see /openapi.json, and / in a browser',
    )
  addFlags(command, serveFlags)
  command.action((flags: Flags) => serve(takeFlags(serveFlags, flags)))
}

async function serve({ model, threads, ...options }: Made<typeof serveFlags>): Promise<void> {
  await setThreads(threads)
  const { serveModels } = await import('../../serve/server.js')
  // A directory may have a comma in its name.
  const directories = existsSync(model) ? [model] : model.split(',').filter(Boolean)
  const server = await serveModels(directories, options)
  process.stdout.write(`listening on ${server.url}\n`)
  const ended = untilStopped()
  const reload = () => {
    server.reload().then(
      () => process.stderr.write('note: the models were loaded anew\n'),
      (error: Error) => process.stderr.write(`note: not loaded anew: ${error.message}\n`),
    )
  }
  process.on('SIGHUP', reload)
  await ended
  await server.close()
  process.off('SIGHUP', reload)
}
