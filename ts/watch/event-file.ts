import { hostname } from 'node:os'
import { join } from 'node:path'
import { AppendedFile } from './appended-file'
import { FILE_VERSION, type EventBody, type EventEncoder } from './event-format'

/** Made by this process, so that no two have one name. */
let files = 0

/** A new file of events. */
export class EventFile extends AppendedFile {
  constructor(
    directory: string,
    private readonly encode: EventEncoder,
  ) {
    // TensorBoard reads files in the order of their names, and takes any that has "tfevents" in it.
    const time = (Date.now() / 1000).toFixed(3)
    const name = `events.out.tfevents.${time}.${hostname()}.${process.pid}.${++files}`
    super('tensorboard', join(directory, name))
    this.event(0, FILE_VERSION)
  }

  event(step: number, body: EventBody): void {
    this.write(this.encode(step, body))
  }
}
