/** Finds the addon and loads it; says in a sentence what to do where that fails. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundled, type Explanation } from '../bundle'
import { RnnativeError } from '../errors'
import { messageOf } from '../kinds'

/** What this file is in, unless a bundler has put it elsewhere. */
const ROOT = join(__dirname, '..', '..')
const REBUILD =
  'npm rebuild rnnative builds it here, with CMake 3.21 and a C++20 compiler (g++ 12, clang++ 16)'

type Loader = (dir: string) => unknown

/** RNNATIVE_BINARY names another build (sanitizers); otherwise build/Release first, then a prebuilt one. */
export function loadAddon(): unknown {
  const override = process.env['RNNATIVE_BINARY']
  try {
    /* eslint-disable @typescript-eslint/no-require-imports */
    return override ? require(override) : (require('node-gyp-build') as Loader)(ROOT)
    /* eslint-enable @typescript-eslint/no-require-imports */
  } catch (cause) {
    const { reason, fix } = explain(cause, override)
    throw new RnnativeError('ERR_UNSUPPORTED', `[load] ${reason}: ${fix}`, {
      cause,
      details: { reason, fix },
    })
  }
}

function explain(cause: unknown, override: string | undefined): Explanation {
  const [message = ''] = messageOf(cause).split('\n')
  if (override)
    return {
      reason: `RNNATIVE_BINARY: expected the path of an addon, got "${override}" (${message})`,
      fix: 'unset it',
    }
  if (isBundled()) return bundled(__filename)
  // What node-gyp-build looked for.
  const [, platform, arch, , libc] =
    /for platform=(\S+) arch=(\S+) (.*)libc=(\S+)/.exec(message) ?? []
  if (platform === undefined)
    return { reason: `the native addon does not load (${message})`, fix: REBUILD }
  if (platform !== 'linux' && platform !== 'darwin')
    return { reason: `${platform} is not supported`, fix: 'use Linux or macOS' }
  return {
    reason:
      `no binary for ${platform}-${arch}${platform === 'linux' ? ` with ${libc}` : ''} is installed, ` +
      'and the install script, which builds one, has not run or has failed',
    fix: REBUILD,
  }
}

function isBundled(): boolean {
  try {
    const { name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      name: string
    }
    return name !== 'rnnative'
  } catch {
    return true
  }
}
