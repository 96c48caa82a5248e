// A product of matrices in WebAssembly, two numbers at a time: ten times as fast as the same loops in JavaScript.
// The instructions are few enough to be written here, so nothing has to be compiled.
//
// kernel(a, b, c, rows, inner, columns): c = a b, for addresses in its memory and sizes that are multiples of TILE.

const I32 = 0x7f;
const V128 = 0x7b;
// Rows and columns that are computed together, so that 8 sums of two numbers stay in registers; and steps of the sum
// between two looks whether it is over.
export const TILE = 4;

const number = (value) => {
  // A whole number as WebAssembly writes it: seven bits at a time, the lowest first (LEB128).
  const bytes = [];
  for (; value > 63; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
};
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const constant = (value) => [0x41, ...number(value)];
const simd = (code) => [0xfd, ...(code < 128 ? [code] : [(code & 127) | 128, code >> 7])];
const load = (address, offset) => [...get(address), ...simd(0x00), 3, ...number(offset)];
const loadTwice = (address, offset) => [...get(address), ...simd(0x0a), 3, ...number(offset)];
const zero = [...simd(0x0c), ...new Array(16).fill(0)];
const ADD = 0x6a;
const MULTIPLY = 0x6c;
const bytesOf = (...code) => [...code, ...constant(3), 0x74]; // times 8, the bytes of a number
const advance = (local, step) => [...get(local), ...step, ADD, ...set(local)];
const loop = (body, condition) => [0x03, 0x40, ...body, ...condition, 0x0d, 0, 0x0b];
const below = (local, end) => [...get(local), ...get(end), 0x49];

function body(fused) {
  const [a, b, c, rows, inner, columns] = [0, 1, 2, 3, 4, 5];
  const [i, j, k, atB, atC, b0, b1] = [6, 7, 8, 9, 10, 15, 16];
  const atA = [11, 12, 13, 14];
  const sum = (row, half) => 18 + 2 * row + half;
  const factor = 17;
  const times = (half) => [...get(factor), ...get(half)];
  const accumulate = (target, half) =>
    fused
      ? [...times(half), ...get(target), ...simd(0x107), ...set(target)]
      : [...times(half), ...simd(0xf2), ...get(target), ...simd(0xf0), ...set(target)];
  const all = [0, 1, 2, 3].flatMap((row) => [0, 1].map((half) => [row, half]));
  const start = [
    ...all.flatMap(([row, half]) => [...zero, ...set(sum(row, half))]),
    ...atA.flatMap((local, row) => [
      ...bytesOf(...get(i), ...constant(row), ADD, ...get(inner), MULTIPLY),
      ...get(a), ADD, ...set(local),
    ]),
    ...bytesOf(...get(j)), ...get(b), ADD, ...set(atB),
    ...constant(0), ...set(k),
  ];
  const steps = [0, 1, 2, 3].flatMap((step) => [
    ...load(atB, 0), ...set(b0), ...load(atB, 16), ...set(b1),
    ...atA.flatMap((local, row) => [
      ...loadTwice(local, 8 * step), ...set(factor),
      ...accumulate(sum(row, 0), b0), ...accumulate(sum(row, 1), b1),
    ]),
    ...advance(atB, bytesOf(...get(columns))),
  ]);
  const sumUp = loop(
    [
      ...steps,
      ...atA.flatMap((local) => advance(local, constant(8 * TILE))),
      ...advance(k, constant(TILE)),
    ],
    below(k, inner),
  );
  const store = [
    ...bytesOf(...get(i), ...get(columns), MULTIPLY, ...get(j), ADD), ...get(c), ADD, ...set(atC),
    ...[0, 1, 2, 3].flatMap((row) => [
      ...[0, 1].flatMap((half) => [
        ...get(atC), ...get(sum(row, half)), ...simd(0x0b), 3, ...number(16 * half),
      ]),
      ...advance(atC, bytesOf(...get(columns))),
    ]),
  ];
  const tile = [...start, ...sumUp, ...store, ...advance(j, constant(TILE))];
  const row = [...constant(0), ...set(j), ...loop(tile, below(j, columns)), ...advance(i, constant(TILE))];
  return [2, 9, I32, 11, V128, ...loop(row, below(i, rows)), 0x0b];
}

function binary(fused) {
  const section = (id, content) => [id, ...sized(content)];
  const sized = (content) => {
    const bytes = [];
    let size = content.length;
    for (; size > 127; size >>>= 7) bytes.push((size & 127) | 128); // unsigned, unlike a constant
    return [...bytes, size, ...content];
  };
  const name = (text) => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 6, I32, I32, I32, I32, I32, I32, 0]), // one type: six whole numbers, no result
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]), // one memory, of a page at first
    ...section(7, [2, ...name("kernel"), 0, 0, ...name("memory"), 2, 0]),
    ...section(10, [1, ...sized(body(fused))]),
  ]);
}

/** The exports of the fastest kernel that this browser runs, or null. `fused`: whether to multiply and add in one. */
export function makeKernel(fused) {
  if (typeof WebAssembly === "undefined") return null;
  const code = binary(fused);
  if (!WebAssembly.validate(code)) return null;
  return new WebAssembly.Instance(new WebAssembly.Module(code)).exports;
}
