// When and on what a measurement was made: every record begins with it.
import os from 'node:os'

export const circumstances = () => ({ date: new Date().toISOString(), cpu: os.cpus()[0]?.model })
