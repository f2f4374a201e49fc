// Products in int8, which only inference has: RnMatmul.precision of a `linear`, beside those of
// RnPrecision.
//
// They multiply whole numbers of -127 .. 127, on `reference` too. A row of a weight has the scale s
// = max|w| / 127, rounded up to 16 bits, and whole numbers w / s; a row of x has s = max|x| / 127
// and whole numbers x * (127 / max|x|), all in f32 and rounded to nearest even. The sum of their
// products, which is exact, becomes f32, is multiplied by the product of both scales, and the bias
// is added. Where max is below 2^-100 all numbers are 0; where a value is not finite what comes of
// it is NaN.
#ifndef RNNATIVE_ABI_INT8_H_
#define RNNATIVE_ABI_INT8_H_

enum { RN_PRECISION_INT8 = 2 };

// Columns that a weight may have: sums then stay below 2^31.
#define RN_INT8_MOST_COLUMNS 65536

#endif  // RNNATIVE_ABI_INT8_H_
