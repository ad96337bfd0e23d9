/** Every deadline and bound of the WebHDFS keeper. */
export interface WebHdfsSettings {
  /** Until a TCP connection stands. */
  connectMillis: number
  /** From a request to the first byte of its answer: NameNode answers, and a DataNode's readiness to send or receive. */
  answerMillis: number
  /**
   * Silence within an answer. Longer than the 4.3 s that a DataNode with dfs.client.socket-timeout=3000 needs to turn
   * from a hung neighbour to another, so that a healthy DataNode is not given up for a neighbour's fault.
   */
  bodyIdleMillis: number
  /** While a DataNode takes no more bytes of a file being written. */
  writeIdleMillis: number
  /** From the last byte of a file to the DataNode's word that its replicas stand. */
  writeReplyMillis: number
  /** How long a DataNode that refused or kept silent is kept away from. */
  rememberFailureMillis: number
  /** OPENs in a row that bring no byte, before a read is given up. */
  fruitlessOpens: number
  /** Sockets to one NameNode, and to one DataNode for reading. */
  connectionsPerHost: number
  /** Bytes of JSON taken from one answer. */
  answerBytes: number
  /** Bytes handed to a DataNode's socket at once, so that progress shows before a large chunk is through. */
  writeSliceBytes: number
}

export const webHdfsDefaults: WebHdfsSettings = {
  connectMillis: 1_000,
  answerMillis: 2_000,
  bodyIdleMillis: 5_000,
  writeIdleMillis: 10_000,
  writeReplyMillis: 10_000,
  rememberFailureMillis: 10_000,
  fruitlessOpens: 8,
  connectionsPerHost: 64,
  answerBytes: 64 * 1024 * 1024,
  writeSliceBytes: 256 * 1024,
}
