// Arrays whose memory is used again. A browser takes the memory of each big array afresh from the system, and to touch
// it for the first time takes nearly as long as the product of two 64 x 64 matrices that goes into it.

let room = new Float64Array(0);
let used = 0; // numbers of the room that the piece of work at hand has taken
let working = false;

/** An array of zeros. */
export function zeros(length) {
  if (!working) return new Float64Array(length);
  used += length;
  if (used > room.length) return new Float64Array(length); // it fits the next time
  return room.subarray(used - length, used).fill(0);
}

/** What `work` returns. The next piece of work overwrites all arrays that this one makes, so it must return none. */
export function reusingMemory(work) {
  if (working) return work(); // a part of a greater piece
  working = true;
  used = 0;
  try {
    return work();
  } finally {
    working = false;
    if (used > room.length) room = new Float64Array(used);
  }
}
