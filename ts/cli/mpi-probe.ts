/** Begins MPI and tells which it is: run by `doctor` in a process of its own. */
import { messageOf } from '../kinds'
import { openMpi } from '../tensor/group'

openMpi().then(
  ({ name }) => process.stdout.write(`${name}\n`),
  (error: unknown) => {
    process.stderr.write(`${messageOf(error)}\n`)
    process.exitCode = 1
  },
)
