import type { ColumnType } from '../datasources/source.ts'
import type { ColumnPacker } from './columnPacker.ts'
import type { DictionaryRoom } from './distinctWords.ts'
import { fixedWidthPacker } from './fixedWidthPacker.ts'
import { numberPacker } from './numberPacker.ts'
import { binaryPacker, textPacker } from './textPacker.ts'
import {
  decimalWriter,
  INTEGER_WRITERS,
  writeBoolean,
  writeDate,
  writeFloat32,
  writeFloat64,
  writeTimestamp,
} from './writeValue.ts'

/** @param room What the dictionaries of all columns may take together. */
export function createColumnPacker(type: ColumnType, room: DictionaryRoom): ColumnPacker {
  switch (type.kind) {
    case 'integer':
      return numberPacker(type.bits === 64 ? 8 : 4, INTEGER_WRITERS[type.bits])
    case 'float':
      return type.bits === 64 ? numberPacker(8, writeFloat64) : numberPacker(4, writeFloat32)
    case 'decimal':
      return fixedWidthPacker(16, decimalWriter(type.scale))
    case 'date':
      return fixedWidthPacker(4, writeDate)
    case 'timestamp':
      return fixedWidthPacker(8, writeTimestamp)
    case 'boolean':
      return fixedWidthPacker(4, writeBoolean)
    case 'text':
      return textPacker(room)
    case 'binary':
      return binaryPacker()
  }
}
