/** The same bytes in a buffer with room for `bytes`. */
export function withRoom(view: DataView<ArrayBuffer>, bytes: number): DataView<ArrayBuffer> {
  if (bytes <= view.byteLength) return view
  // Half again rather than twice: seventy counties of a hundred columns each hold one.
  const larger = new ArrayBuffer(Math.max(256, bytes, Math.ceil((view.byteLength * 1.5) / 8) * 8))
  new Uint8Array(larger).set(new Uint8Array(view.buffer))
  return new DataView(larger)
}
