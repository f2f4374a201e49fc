// Checks the `cuda` part of `rnnative doctor --json` (read from the file given) against this machine. The library must be
// that of the package rnnative-cuda. With a driver the probe must name a device or a reason; without one it must name the missing driver. Both come with a fix.
import { existsSync, readFileSync } from 'node:fs'

const { cuda } = JSON.parse(readFileSync(process.argv[2], 'utf8'))
console.log(cuda)
if (!cuda?.library?.endsWith('/node_modules/rnnative-cuda/librnnative_cuda.so'))
  throw new Error('the CUDA library is not that of rnnative-cuda')
const driver = existsSync('/proc/driver/nvidia/version')
const answered = cuda?.available === true || (cuda?.reason && cuda?.fix)
if (!answered) throw new Error('the probe gave neither a device nor a reason with its fix')
if (!driver && !/driver/.test(cuda.reason))
  throw new Error(`expected the missing driver as the reason, got: ${cuda.reason}`)
