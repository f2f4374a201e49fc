/** A run as its files tell it: lines of JSON, and event files of TensorBoard. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { isObject } from '../../check'
import { readJson } from '../../io/files'
import { CONFIG_FILE, findModel } from '../../io/model-directory'
import type { Pauses } from '../../pauses'
import type { ReadEvent } from '../event-format'
import { eventRecords } from './event-records'
import { Curve } from './curve'
import { Follower, lines } from './follow'

type Facts = Record<string, unknown>

/** Texts that are kept, the last ones. */
const MOST_TEXTS = 50
/** Curves of a run; more are not drawn. */
const MOST_CURVES = 200

export interface Text {
  tag: string
  step: number
  text: string
}

export class RunFiles {
  readonly curves = new Map<string, Curve>()
  readonly texts: Text[] = []
  settings: Facts = {}
  /** Why it ended; null while it has not told. */
  stopped: string | null = null
  /** Milliseconds since the epoch, of the last look that found something. */
  updated = 0
  private config: Facts = {}
  private readonly followers = new Map<string, Follower>()

  constructor(
    readonly name: string,
    private readonly directory: string,
    /** Which of its files. */
    private readonly own: (name: string) => boolean,
  ) {}

  /** The settings of the model beside those of the run. */
  get allSettings(): Facts {
    return { ...this.config, ...this.settings }
  }

  /** Reads what is new, at most so many bytes of each file; whether there is more. */
  async look(pauses: Pauses, most: number): Promise<boolean> {
    const names = await readdir(this.directory).catch((): string[] => [])
    let more = false
    // In the order of their names, which is that of time.
    for (const name of names.filter(this.own).sort()) {
      let follower = this.followers.get(name)
      if (follower === undefined) {
        const take = name.endsWith('.jsonl') ? lines((line) => this.line(line)) : this.records()
        follower = new Follower(join(this.directory, name), take, () => this.cut(0))
        this.followers.set(name, follower)
      }
      more = (await follower.look(pauses, most)) || more
    }
    if (Object.keys(this.config).length === 0) await this.readConfig()
    return more
  }

  private async readConfig(): Promise<void> {
    try {
      const config = await readJson(join(await findModel(this.directory), CONFIG_FILE))
      if (!isObject(config)) return
      const { rnnative: _, version: _v, ...own } = config
      this.config = own
    } catch {
      // No model yet, or none that is whole.
    }
  }

  private line(line: string): void {
    let told: unknown
    try {
      told = JSON.parse(line)
    } catch {
      return // half of one, as a killed process leaves it
    }
    if (!isObject(told)) return
    const { event, ...rest } = told
    this.updated = Date.now()
    if (event === 'start') this.start(rest)
    else if (event === 'step') this.step(rest)
    else if (event === 'end') this.stopped = String(rest['stopped'])
    else if (event === 'text')
      this.text(String(rest['tag']), Number(rest['step']), String(rest['text']))
  }

  private start({ begun, changed: _, time: _t, ...facts }: Facts): void {
    const step = isObject(begun) ? Number(begun['step']) : 0
    this.cut(step + 1)
    this.settings = facts
    this.stopped = null
  }

  private step(told: Facts): void {
    const step = Number(told['step'])
    if (!Number.isSafeInteger(step)) return
    const { validation } = told
    const add = (tag: string, value: unknown) => {
      if (value === null || typeof value === 'number') this.point(tag, step, value ?? NaN)
    }
    const addAll = (group: string, values: unknown) => {
      if (isObject(values))
        for (const [name, value] of Object.entries(values)) add(`${group}/${name}`, value)
    }
    for (const [name, tag] of TAGS) add(`train/${tag}`, told[name])
    addAll('train', told['measures'])
    addAll('train/penalty', told['penalties'])
    if (!isObject(validation)) return
    add('validation/loss', validation['loss'])
    addAll('validation', validation['measures'])
  }

  private records() {
    return eventRecords(({ step, restart, scalars, texts }: ReadEvent) => {
      this.updated = Date.now()
      if (restart) this.cut(step)
      for (const { tag, value } of scalars) this.point(tag, step, value)
      for (const { tag, text } of texts) this.text(tag, step, text)
    })
  }

  private point(tag: string, step: number, value: number): void {
    let curve = this.curves.get(tag)
    if (curve === undefined) {
      if (this.curves.size >= MOST_CURVES) return
      this.curves.set(tag, (curve = new Curve()))
    }
    curve.push(step, value)
  }

  private text(tag: string, step: number, text: string): void {
    this.texts.push({ tag, step, text })
    if (this.texts.length > MOST_TEXTS) this.texts.shift()
  }

  private cut(step: number): void {
    for (const curve of this.curves.values()) curve.cut(step)
    const kept = this.texts.filter((one) => one.step < step)
    this.texts.splice(0, Infinity, ...kept)
  }
}

/** Fields of a step, and how their curves are called: as TensorBoard's files have them. */
const TAGS = [
  ['loss', 'loss'],
  ['gradientNorm', 'gradient_norm'],
  ['learningRate', 'learning_rate'],
  ['itemsPerSecond', 'items_per_second'],
  ['sparsity', 'sparsity'],
  ['memory', 'memory'],
] as const
