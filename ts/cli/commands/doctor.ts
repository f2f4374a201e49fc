import type { Command } from 'commander'
import { addFlags, json } from '../arguments'

export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('tell what this installation can use, and how to fix what it cannot')
  addFlags(command, { json }).action(async (flags: { json?: true }) => {
    const { doctor } = await import('../doctor.js')
    await doctor(flags.json === true)
  })
}
