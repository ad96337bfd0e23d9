import type { SocketExchange } from './mysqlTakeover.ts'
import {
  errorOf,
  executePacket,
  isEnd,
  type PacketPlace,
  packetReader,
  preparedStatement,
  preparePacket,
  type WireColumn,
  wireColumn,
} from './mysqlWire.ts'
import { wireRowsReader } from './mysqlWireRows.ts'
import type { WireRows } from './wireRows.ts'

/**
 * The rows of a SELECT without parameters, by the binary protocol, spoken here: for a hundred columns mysql2 takes as long to make values of the bytes
 * as all the rest takes to pack them. The exchange is at rest again when this returns, and when it throws what the server answered.
 */
export async function* queryWire(exchange: SocketExchange, sql: string): AsyncGenerator<WireRows, void, undefined> {
  const packets = packetReader()
  const next = async (): Promise<PacketPlace> => {
    let packet = packets.take()
    while (!packet) {
      packets.set(await exchange.read(packets.rest()))
      packet = packets.take()
    }
    const error = errorOf(packet)
    if (error) throw error
    return packet
  }
  const columnsUntilEnd = async (): Promise<WireColumn[]> => {
    const columns: WireColumn[] = []
    for (;;) {
      const packet = await next()
      if (isEnd(packet)) return columns
      columns.push(wireColumn(packet))
    }
  }

  exchange.write(preparePacket(sql))
  const { id } = preparedStatement(await next())
  await columnsUntilEnd()
  exchange.write(executePacket(id))
  // How many columns there are, which their descriptions tell as well.
  await next()
  const rows = wireRowsReader(await columnsUntilEnd())
  for (;;) {
    const packet = packets.take()
    const isOther = packet && (isEnd(packet) || errorOf(packet))
    // The bytes of these rows are valid until more are read.
    if (rows.rows > 0 && (!packet || isOther || !rows.hasRoom(packet.bytes))) {
      yield rows
      exchange.throwIfFailed()
      rows.clear()
    }
    if (!packet) packets.set(await exchange.read(packets.rest()))
    else if (!isOther) rows.add(packet)
    else if (isOther === true) return
    else throw isOther
  }
}
