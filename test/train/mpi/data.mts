/** Always the same, and of lengths that differ. */
function drawing(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return (state >> 8) % below
  }
}

const WORDS = 'the whale swam and ship sailed over sea while captain watched white waves'.split(' ')

export function makeText(words = 400): string {
  const draw = drawing(1)
  return Array.from({ length: words }, () => WORDS[draw(WORDS.length)]).join(' ')
}

export function makePairs(count = 60): [string, string][] {
  const draw = drawing(2)
  return Array.from({ length: count }, () => {
    const letters = Array.from({ length: 1 + draw(12) }, () => 'abcdefgh'[draw(8)] as string)
    return [letters.join(''), letters.toReversed().join('')]
  })
}
