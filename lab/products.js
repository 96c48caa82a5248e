// Products of matrices, which take most of the time. A matrix is a Float64Array, row by row.

import { zeros } from "./memory.js";
import { TILE, makeKernel } from "./simd_kernel.js";

const PAGE = 65536; // of WebAssembly's memory

/** a b in plain JavaScript, for a of shape (rows, inner) and b of shape (inner, columns). */
export function plainProduct(a, b, rows, inner, columns) {
  const c = zeros(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k];
      for (let j = 0; j < columns; j++) c[i * columns + j] += factor * b[k * columns + j];
    }
  }
  return c;
}

const padded = (size) => TILE * Math.ceil(size / TILE);

/** Put a matrix into a room at `at`, with zeros to its right and below up to sizes that the kernel takes. */
function place(room, at, matrix, rows, columns) {
  const wide = padded(columns);
  const end = at + padded(rows) * wide;
  if (wide === columns) {
    room.set(matrix, at);
    room.fill(0, at + rows * columns, end);
    return end;
  }
  room.fill(0, at, end);
  for (let i = 0; i < rows; i++) room.set(matrix.subarray(i * columns, (i + 1) * columns), at + i * wide);
  return end;
}

/** A function like plainProduct that works through a kernel. */
export function productBy({ kernel, memory }) {
  return (a, b, rows, inner, columns) => {
    const [high, deep, wide] = [rows, inner, columns].map(padded);
    const size = high * deep + deep * wide + high * wide;
    const missing = Math.ceil((8 * size) / PAGE) - memory.buffer.byteLength / PAGE;
    if (missing > 0) memory.grow(missing);
    const room = new Float64Array(memory.buffer, 0, size);
    const atB = place(room, 0, a, rows, inner);
    const atC = place(room, atB, b, inner, columns);
    kernel(0, 8 * atB, 8 * atC, high, deep, wide);
    const c = zeros(rows * columns);
    if (wide === columns) c.set(room.subarray(atC, atC + rows * columns));
    else for (let i = 0; i < rows; i++) c.set(room.subarray(atC + i * wide, atC + i * wide + columns), i * columns);
    return c;
  };
}

const fastest = makeKernel(true) ?? makeKernel(false);
export const product = fastest ? productBy(fastest) : plainProduct;

/** The transpose of a matrix of shape (rows, columns). */
export function transpose(a, rows, columns) {
  const t = zeros(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) t[j * rows + i] = a[i * columns + j];
  }
  return t;
}
