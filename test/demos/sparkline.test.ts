import { expect, test } from 'vitest'
import { sparkline } from '../../src/demos/sparkline.ts'

test('each value is a bar between the lowest and the highest', () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8], [0, 8])).toBe('▁▂▃▄▅▆▇██')
})

test('values outside the range are bars at its ends, and equal values the lowest bar', () => {
  expect(sparkline([-5, 20], [0, 8])).toBe('▁█')
  expect(sparkline([5, 5], [5, 5])).toBe('▁▁')
})
