/** Standard output, which may be lost while a command runs: its reader leaves, its disk is full. */
import { lostOutput } from '../watch/stream'

const EXIT_FAILURE = 1
/** Of what a reader that leaves ends: 128 and the number of SIGPIPE, as of other programs. */
const EXIT_NO_READER = 141

let lost = false
let needed = true

/** One line: what has become of standard output. */
function tell(error: NodeJS.ErrnoException, more: string): void {
  const { message, code } = lostOutput('write', process.stdout, error)
  process.stderr.write(`error: ${message}${more} (${code})\n`)
}

function lose(error: NodeJS.ErrnoException): void {
  if (lost) return
  lost = true
  if (!needed) {
    process.exitCode = EXIT_FAILURE
    return tell(error, '; the run goes on without it')
  }
  // As in `rnnative ... | head`: nothing to tell.
  if (error.code === 'EPIPE') process.exit(EXIT_NO_READER)
  tell(error, '')
  process.exit(EXIT_FAILURE)
}

/** To be called before anything is written. Without its output a command ends at once, with a code that is not 0. */
export function heedOutput(): void {
  process.stdout.on('error', lose)
  process.stderr.on('error', () => undefined) // there is nobody to tell
}

/** While `work` goes on it does so without its output, too; the exit code is not 0 then. */
export async function withoutOutput<T>(work: Promise<T>): Promise<T> {
  needed = false
  try {
    return await work
  } finally {
    needed = true
  }
}
