/** What every call into a datasource accepts. */
export interface Call {
  /** Ends the call early; it then throws the signal's reason. */
  signal?: AbortSignal
  /** Adds up what the call cost; one Cost may be shared by many calls. */
  cost?: Cost
}

/** What answering a question took from a storage. */
export interface Cost {
  /** Requests sent: HTTP requests for WebHDFS (a redirect counts as two), file system calls for a directory. */
  requests: number
  /** Bytes of file content received. */
  bytes: number
}
