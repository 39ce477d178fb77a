/**
 * Float samples <-> 16-bit PCM, little-endian on the wire whatever the host is.
 *
 * The two halves of the scale differ (-1 is -32768, +1 is 32767), so both ends are reached and an integer that goes
 * through floats comes back unchanged.
 */

/** True on every machine that a browser runs on today; asked, not assumed, because Int16Array is in host order. */
export const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Clips and rounds `count` floats into 16-bit integers of host order.
 * @param {Float32Array | Float64Array} source
 * @param {number} sourceStart
 * @param {Int16Array} target
 * @param {number} targetStart
 * @param {number} count
 */
export function floatsToInt16(source, sourceStart, target, targetStart, count) {
  for (let i = 0; i < count; i++) {
    let sample = source[sourceStart + i];
    if (sample > 1) sample = 1;
    else if (sample < -1) sample = -1;
    // NaN, which a broken device may deliver, becomes 0 in the store.
    target[targetStart + i] = Math.round(sample < 0 ? sample * 0x8000 : sample * 0x7fff);
  }
}

/**
 * The inverse: 16-bit integers of host order to floats in [-1, 1].
 * @param {Int16Array} source
 * @param {number} sourceStart
 * @param {Float32Array | Float64Array} target
 * @param {number} targetStart
 * @param {number} count
 */
export function int16ToFloats(source, sourceStart, target, targetStart, count) {
  for (let i = 0; i < count; i++) {
    const sample = source[sourceStart + i];
    target[targetStart + i] = sample < 0 ? sample / 0x8000 : sample / 0x7fff;
  }
}

/**
 * Swaps the bytes of every sample in place on a big-endian host; nothing on the others.
 * @param {Int16Array} samples
 * @param {boolean} [hostIsLittleEndian]
 */
export function swapToOrFromWire(samples, hostIsLittleEndian = HOST_IS_LITTLE_ENDIAN) {
  if (hostIsLittleEndian) return;
  for (let i = 0; i < samples.length; i++) {
    const sample = samples[i];
    samples[i] = ((sample & 0xff) << 8) | ((sample >> 8) & 0xff);
  }
}
