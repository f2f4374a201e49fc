/** A seed for those who give none: 32 random bits. */
export const freshSeed = (): number => Math.floor(Math.random() * 2 ** 32)
