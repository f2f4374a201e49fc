/**
 * Two hosts within this machine, of which `mpirun` starts a rank each: network namespaces, and between them a link of the
 * delay and the speed that are asked for (link.cc). Needs root, `ip`, a C++ compiler and Open MPI.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const NETWORK = '10.77.0.'

let made = 0

/** `delay`: microseconds one way; `speed`: megabits a second each way. */
export async function twoHosts({ delay = 0, speed = 10_000 } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'rnnative-hosts-'))
  const tag = `${process.pid.toString(36)}${(made++).toString(36)}`
  const hosts = [1, 2].map((i) => ({
    name: `rn${tag}${i}`,
    device: `rnt${tag}${i}`,
    address: `${NETWORK}${i}`,
  }))
  const program = path.join(folder, 'link')
  const source = new URL('link.cc', import.meta.url).pathname
  execFileSync('g++', ['-O2', '-std=c++20', '-o', program, source])
  const devices = hosts.map(({ device }) => device)
  const link = spawn(program, [...devices, String(delay), String(speed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await new Promise((resolve, reject) => {
    link.stdout.once('data', resolve)
    link.once('exit', () => reject(new Error('there is no link between the hosts')))
  })
  const ip = (...args) => execFileSync('ip', args)
  for (const { name, device, address } of hosts) {
    ip('netns', 'add', name)
    ip('link', 'set', device, 'netns', name)
    ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', device)
    ip('-n', name, 'link', 'set', device, 'mtu', '9000', 'txqueuelen', '1000', 'up')
    ip('-n', name, 'link', 'set', 'lo', 'up')
  }
  // In place of ssh: another network, and a name and files of its own.
  const agent = path.join(folder, 'agent.sh')
  const far = path.join(folder, 'far')
  mkdirSync(far)
  writeFileSync(
    agent,
    `#!/bin/sh\nshift\nexport TMPDIR=${far}\n` +
      `exec ip netns exec ${hosts[1].name} unshare --uts sh -c "hostname ${hosts[1].name}; $*"\n`,
  )
  chmodSync(agent, 0o755)
  const mca = {
    ...{ btl: 'tcp,self', pml: 'ob1', plm_rsh_agent: agent },
    ...{ btl_tcp_if_include: `${NETWORK}0/24`, oob_tcp_if_include: `${NETWORK}0/24` },
  }
  const options = Object.entries(mca).flatMap(([name, value]) => ['--mca', name, value])
  return {
    /** What starts a rank on each host. */
    command: (args) => [
      'ip',
      [
        ...['netns', 'exec', hosts[0].name, 'mpirun', '-np', '2'],
        ...['-H', hosts.map(({ address }) => address).join()],
        ...options,
        ...args,
      ],
    ],
    /** No packet comes through any more, or again. */
    cut: () => link.kill('SIGSTOP'),
    mend: () => link.kill('SIGCONT'),
    /** Ends what still runs there. */
    close() {
      link.kill('SIGKILL')
      for (const { name } of hosts) {
        for (const pid of ip('netns', 'pids', name).toString().split('\n').filter(Boolean))
          try {
            process.kill(Number(pid), 'SIGKILL')
          } catch {
            // it has just ended
          }
        ip('netns', 'del', name)
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
