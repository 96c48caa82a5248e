// Products of matrices, which take most of the time. A matrix is a Float64Array, row by row.

import { makeKernel } from "./simd_kernel.js";

const PAGE = 65536; // of WebAssembly's memory

/** a b in plain JavaScript, for a of shape (rows, inner) and b of shape (inner, columns). */
export function plainProduct(a, b, rows, inner, columns) {
  const c = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k];
      for (let j = 0; j < columns; j++) c[i * columns + j] += factor * b[k * columns + j];
    }
  }
  return c;
}

/** A function like plainProduct that works through a kernel. */
export function productBy({ kernel, memory }) {
  const padded = (size) => 4 * Math.ceil(size / 4);
  return (a, b, rows, inner, columns) => {
    const [high, wide] = [padded(rows), padded(columns)];
    const [atB, atC] = [high * inner, high * inner + inner * wide];
    const end = atC + high * wide;
    const missing = Math.ceil((8 * end) / PAGE) - memory.buffer.byteLength / PAGE;
    if (missing > 0) memory.grow(missing);
    const room = new Float64Array(memory.buffer, 0, end);
    room.set(a);
    room.fill(0, rows * inner, high * inner);
    if (wide === columns) room.set(b, atB);
    else {
      room.fill(0, atB, atC);
      for (let k = 0; k < inner; k++) room.set(b.subarray(k * columns, (k + 1) * columns), atB + k * wide);
    }
    kernel(0, 8 * atB, 8 * atC, high, inner, wide);
    if (wide === columns) return room.slice(atC, atC + rows * columns);
    const c = new Float64Array(rows * columns);
    for (let i = 0; i < rows; i++) c.set(room.subarray(atC + i * wide, atC + i * wide + columns), i * columns);
    return c;
  };
}

const fastest = makeKernel(true) ?? makeKernel(false);
export const product = fastest ? productBy(fastest) : plainProduct;

/** The transpose of a matrix of shape (rows, columns). */
export function transpose(a, rows, columns) {
  const t = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) t[j * rows + i] = a[i * columns + j];
  }
  return t;
}
