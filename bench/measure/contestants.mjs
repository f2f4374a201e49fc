// The programs that are compared. Each is a long-lived child process that answers JSON lines (serve.mjs,
// serve.py), so start-up is never counted; the bench talks to one at a time. Between its answers a
// contestant is stopped: onnxruntime's threads would go on spinning through the others' turns.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))
const contestants = path.resolve(here, '../contestants')

/** What runs each contestant: python or node, the script, and its environment besides. */
const PROGRAMS = {
  ours: ['node', 'ours/ours.mjs'],
  torch: ['python', 'torch/torch_peer.py'],
  ort: ['python', 'onnx/ort_peer.py'],
  'ort-node': ['node', 'node/ort-peer.mjs'],
  tfjs: ['node', 'node/tfjs-peer.mjs'],
  sklearn: ['python', 'sklearn/sklearn_peer.py'],
  'ours-gpu': ['node', '../gpu/ours.mjs'],
  ...Object.fromEntries(
    ['block', 'cluster', 'grid', 'steps'].map((tier) => [
      `ours-gpu-${tier}`,
      ['node', '../gpu/ours.mjs', { RNNATIVE_CUDA_RECURRENCE: tier }],
    ]),
  ),
  'torch-gpu': ['python', '../gpu/torch_gpu.py'],
}
/** Of the CPU. */
export const RIVALS = ['torch', 'ort', 'ort-node', 'tfjs']

const CLOCK_TICKS = 100 // a second: sysconf(_SC_CLK_TCK) on every Linux

/** Those that run. One that is stopped would outlive a bench that is interrupted. */
const children = new Set()
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')))
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.on(signal, () => process.exit(code))

export class Contestant {
  constructor(name, { python, threads, environment, base }) {
    this.label = `${name}@${threads}`
    const [runtime, script, own] = name === 'base' ? ['node', base] : PROGRAMS[name]
    const command = runtime === 'node' ? process.execPath : python
    if (command === undefined) throw new Error('no Python that has it was given')
    this.child = spawn(command, [path.resolve(contestants, script)], {
      env: {
        ...process.env,
        ...{ OMP_NUM_THREADS: String(threads), TF_CPP_MIN_LOG_LEVEL: '3', PYTHONPATH: here }, // serve.py
        ...own,
        ...environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    children.add(this.child)
    this.waiting = null
    this.failure = null
    let errors = ''
    this.child.stderr
      .setEncoding('utf8')
      .on('data', (text) => (errors = (errors + text).slice(-400)))
    this.child.stdin.on('error', () => undefined) // `close` tells
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#answer(line))
    this.child.on('error', (error) => (errors = error.message))
    this.child.on('close', (code, signal) => {
      children.delete(this.child)
      const last = errors.trim().split('\n').at(-1)
      this.failure = new Error(`${this.label} ended (${signal ?? code}): ${last}`)
      this.waiting?.reject(this.failure)
    })
  }

  /** Lines that are no JSON are what libraries print. */
  #answer(line) {
    if (!line.startsWith('{"')) return
    const { result, error, code } = JSON.parse(line)
    const { resolve, reject } = this.waiting
    this.waiting = null
    this.child.kill('SIGSTOP')
    if (error === undefined) resolve(result)
    else reject(Object.assign(new Error(error), { code }))
  }

  request(method, parameters = {}) {
    return new Promise((resolve, reject) => {
      if (this.failure) return reject(this.failure)
      this.waiting = { resolve, reject }
      this.child.kill('SIGCONT')
      this.child.stdin.write(JSON.stringify({ method, ...parameters }) + '\n')
    })
  }

  /** Seconds of processor time used so far, all threads together; 0 where the system does not tell. */
  cpuSeconds() {
    try {
      const fields = readFileSync(`/proc/${this.child.pid}/stat`, 'utf8').split(') ')[1].split(' ')
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS
    } catch {
      return 0
    }
  }

  /** Ends the process and waits until it is gone. */
  close() {
    if (this.failure) return
    return new Promise((resolve) => {
      this.child.once('close', resolve)
      this.child.kill('SIGCONT')
      this.child.stdin.end()
      setTimeout(() => this.child.kill('SIGKILL'), 2000).unref()
    })
  }
}

/** Starts contestants when they are first needed, one for each entrant name and number of threads. */
export class House {
  /** `environments`: more environment variables, by contestant; `base`: the script of that contestant. */
  constructor(python, { environments = {}, base } = {}) {
    this.python = python
    this.environments = environments
    this.base = base
    this.members = new Map()
    this.idle = new Map()
    this.versions = {}
  }

  async get(entrant, contestant, threads) {
    const key = `${entrant}@${threads}`
    let member = this.members.get(key)
    if (member && !member.failure) return member
    member = await this.start(contestant, threads)
    this.members.set(key, member)
    return member
  }

  /** A process of its own, which the caller closes. */
  async start(contestant, threads) {
    const environment = this.environments[contestant]
    const member = new Contestant(contestant, {
      ...{ python: this.python, base: this.base },
      ...{ threads, environment },
    })
    Object.assign(this.versions, await member.request('versions'))
    return member
  }

  /** Lets one contestant work, and watches whether the others keep quiet meanwhile. */
  async turn(active, work) {
    const others = [...this.members.values()].filter((member) => member !== active)
    const before = others.map((member) => member.cpuSeconds())
    const began = performance.now()
    const result = await work()
    const wall = (performance.now() - began) / 1000
    others.forEach((member, i) => {
      const sum = this.idle.get(member.label) ?? { cpu: 0, wall: 0 }
      this.idle.set(member.label, {
        cpu: sum.cpu + member.cpuSeconds() - before[i],
        wall: sum.wall + wall,
      })
    })
    return result
  }

  /** By contestant, the part of a core that it used while another one worked. */
  idleUse() {
    return Object.fromEntries(
      [...this.idle].map(([label, { cpu, wall }]) => [label, Number((cpu / wall).toFixed(4))]),
    )
  }

  close() {
    return Promise.all([...this.members.values()].map((member) => member.close()))
  }
}
