/** Looking at runs in a browser, while they go on and after. */
import type { Command } from 'commander'
import { dashboardOptions } from '../../watch/dashboard-options'
import { addFlags, takeFlags, type Flags } from '../arguments'
import { untilStopped } from '../stopping'

export function addWatch(program: Command): void {
  const command = program
    .command('watch')
    .description(
      'show the runs in and below a directory as curves, in a browser (needs fastify and uplot)',
    )
    .argument('<dir>', 'a checkpoint directory, or one of several')
  addFlags(command, dashboardOptions.rows)
  command.action(async (directory: string, flags: Flags) => {
    const { dashboard } = await import('../../watch/dashboard.js')
    const shown = await dashboard(directory, takeFlags(dashboardOptions.rows, flags))
    process.stdout.write(`listening on ${shown.url}\n`)
    await untilStopped()
    await shown.close()
  })
}
