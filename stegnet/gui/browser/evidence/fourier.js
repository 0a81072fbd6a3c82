/** The fast Fourier transform of 256 complex values, in place. */

const SIZE = 256;
const REVERSED = Uint8Array.from({ length: SIZE }, (_, at) => {
  let reversed = 0;
  for (let bit = 0; bit < 8; bit++) reversed |= ((at >> bit) & 1) << (7 - bit);
  return reversed;
});

/** Transforms the values from `start` on, each `stride` after the one before. */
export function transform(real, imaginary, start, stride) {
  const [re, im] = [new Float64Array(SIZE), new Float64Array(SIZE)];
  for (let at = 0; at < SIZE; at++) {
    re[REVERSED[at]] = real[start + at * stride];
    im[REVERSED[at]] = imaginary[start + at * stride];
  }
  for (let half = 1; half < SIZE; half *= 2) {
    for (let at = 0; at < half; at++) {
      const [cosine, sine] = [Math.cos((Math.PI * at) / half), -Math.sin((Math.PI * at) / half)];
      for (let first = at; first < SIZE; first += 2 * half) {
        const second = first + half;
        const x = re[second] * cosine - im[second] * sine;
        const y = re[second] * sine + im[second] * cosine;
        [re[second], im[second]] = [re[first] - x, im[first] - y];
        [re[first], im[first]] = [re[first] + x, im[first] + y];
      }
    }
  }
  for (let at = 0; at < SIZE; at++) {
    real[start + at * stride] = re[at];
    imaginary[start + at * stride] = im[at];
  }
}
