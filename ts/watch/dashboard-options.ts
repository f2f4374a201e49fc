import { Schema, wholeNumber } from '../schema'

export const dashboardOptions = new Schema('watch', {
  port: wholeNumber({ about: 'port; 0: any that is free', default: 6007, most: 65535 }),
})
