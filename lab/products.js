// Products of matrices, which take most of the time. A matrix is a Float64Array, row by row.

/** a b, for a of shape (rows, inner) and b of shape (inner, columns). */
export function product(a, b, rows, inner, columns) {
  const c = new Float64Array(rows * columns);
  // Four rows at a time: each entry of b that is loaded serves four sums.
  const whole = rows - (rows % 4);
  for (let i = 0; i < whole; i += 4) {
    const [c0, c1, c2, c3] = [0, 1, 2, 3].map((k) => c.subarray((i + k) * columns, (i + k + 1) * columns));
    for (let k = 0; k < inner; k++) {
      const a0 = a[i * inner + k];
      const a1 = a[(i + 1) * inner + k];
      const a2 = a[(i + 2) * inner + k];
      const a3 = a[(i + 3) * inner + k];
      const start = k * columns;
      for (let j = 0; j < columns; j++) {
        const value = b[start + j];
        c0[j] += a0 * value;
        c1[j] += a1 * value;
        c2[j] += a2 * value;
        c3[j] += a3 * value;
      }
    }
  }
  for (let i = whole; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k];
      for (let j = 0; j < columns; j++) c[i * columns + j] += factor * b[k * columns + j];
    }
  }
  return c;
}

/** The transpose of a matrix of shape (rows, columns). */
export function transpose(a, rows, columns) {
  const t = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) t[j * rows + i] = a[i * columns + j];
  }
  return t;
}
