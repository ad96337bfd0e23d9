/** Every deadline and bound of the WebHDFS keeper. */
export interface WebHdfsSettings {
  /** Until a TCP connection stands. */
  connectMillis: number
  /** How long a name server may take where another source knows an address, and how long its answer is good. */
  lookUpMillis: number
  rememberAddressMillis: number
  /** From a request to a NameNode to its answer. */
  nameNodeAnswerMillis: number
  /** Silence after which a DataNode is probed, and how long it may keep silent to all of so many probes before it counts as hung. */
  probeAfterMillis: number
  probeMillis: number
  probes: number
  /**
   * Silence of a DataNode that is alive, before an answer and within it. Longer than the 4.3 s that a DataNode with
   * dfs.client.socket-timeout=3000 needs to turn from a hung neighbour to another.
   */
  dataNodeIdleMillis: number
  /**
   * Silence within the answer to a first OPEN of many blocks: short, because the DataNode may wait for a hung neighbour, and
   * reading on block by block costs next to nothing.
   */
  bodyIdleMillis: number
  /** Blocks of one read that are fetched at once, where it is read block by block. */
  parallelBlocks: number
  /** While a DataNode takes no more bytes of a file being written. */
  writeIdleMillis: number
  /** From the last byte of a file to the DataNode's word that its replicas stand. */
  writeReplyMillis: number
  /** How long a DataNode that refused or kept silent is kept away from. */
  rememberFailureMillis: number
  /**
   * How often one that hangs or cannot be reached is probed until it lives; and for how long, which is more than the 10.5 minutes for which a NameNode
   * goes on naming it.
   */
  watchEveryMillis: number
  watchForMillis: number
  /** OPENs of one range under way at the most, and the silence after which each further one is begun. */
  opensAtOnce: number
  reopenAfterMillis: number
  /** The same while a DataNode is known to keep others waiting: each of those has HTTP threads that wait for it, and answers on the rest at once. */
  reopenWhileImpairedMillis: number
  /** OPENs in a row that bring no byte, before a read is given up. */
  fruitlessOpens: number
  /** A read of several OPENs during which the file was replaced starts anew, up to so many times in all. */
  readsOfAChangingFile: number
  /** Sockets to one NameNode, and to one DataNode for reading. */
  connectionsPerHost: number
  /** Bytes of JSON taken from one answer. */
  answerBytes: number
  /** Bytes handed to a DataNode's socket at once, so that progress shows before a large chunk is through. */
  writeSliceBytes: number
}

export const webHdfsDefaults: WebHdfsSettings = {
  connectMillis: 1_000,
  lookUpMillis: 250,
  rememberAddressMillis: 10_000,
  nameNodeAnswerMillis: 3_000,
  probeAfterMillis: 500,
  probeMillis: 1_500,
  probes: 8,
  dataNodeIdleMillis: 5_000,
  bodyIdleMillis: 1_000,
  parallelBlocks: 4,
  writeIdleMillis: 10_000,
  writeReplyMillis: 10_000,
  rememberFailureMillis: 10_000,
  watchEveryMillis: 2_000,
  watchForMillis: 15 * 60_000,
  opensAtOnce: 5,
  reopenAfterMillis: 500,
  reopenWhileImpairedMillis: 50,
  fruitlessOpens: 8,
  readsOfAChangingFile: 3,
  connectionsPerHost: 64,
  answerBytes: 64 * 1024 * 1024,
  writeSliceBytes: 256 * 1024,
}
