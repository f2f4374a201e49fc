import type { Command } from 'commander'
import { jsonOption } from '../arguments'

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('tell what this installation can use, and how to fix what it cannot')
    .addOption(jsonOption())
    .action(async (options: { json?: true }) => {
      const { doctor } = await import('../doctor.js')
      await doctor(options.json === true)
    })
}
