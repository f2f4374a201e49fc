/** Options of a batcher and of a server; the flags of `rnnative serve` are made of them. */
import { atLeastZero, count, flag, Schema, text, wholeNumber, type Given } from '../schema'

/** How long requests may wait for company, and how many of them. */
export const batcherOptions = new Schema('batcher', {
  maxBatch: count({ about: 'most inputs that run together', default: 32, most: 1024 }),
  maxWait: atLeastZero({
    about: 'milliseconds that requests wait for others, where the last ones were not alone',
    ...{ default: 5, argument: '<ms>' },
  }),
  maxQueue: count({
    about: 'most inputs of a model that wait; more are refused',
    ...{ default: 256, most: 2 ** 20 },
  }),
})

/**
 * Options of {@link batcher}.
 *
 * @interface
 */
export type BatcherOptions = Given<typeof batcherOptions.rows>

export const serverOptions = new Schema('serve', {
  host: text({ about: 'address to listen at', default: '127.0.0.1', argument: '<address>' }),
  port: wholeNumber({ about: 'port; 0: any that is free', default: 8080, most: 65535 }),
  ...batcherOptions.rows,
  token: text({
    about: 'what requests must bear as "Authorization: Bearer ..."',
    argument: '<secret>',
  }),
  open: flag({ about: 'listen where others reach it though there is no token', default: false }),
  maxBody: count({ about: 'bytes of the largest body', default: 2 ** 20, most: 2 ** 30 }),
  maxLength: count({ about: 'characters of a text, or entries of a list', default: 5000 }),
  timeout: count({
    about: 'milliseconds that a request may take',
    default: 30_000,
    most: 2 ** 31 - 1,
  }),
})
