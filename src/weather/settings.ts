/** What differs from one installation to the next; each has a variable MILLRACE_WEATHER_... */
export interface WeatherSettings {
  /** The generator's pause after each day. */
  delaySeconds: number
  topic: string
  /** Of the topic, where it has to be made. */
  replication: number
  /** A batch is closed by whichever of the three comes first. */
  batchRows: number
  batchBytes: number
  batchAgeSeconds: number
  /** So many small files of a partition are merged by themselves. */
  compactFiles: number
  /** How large merged files become. */
  compactBytes: number
  /** How long files stay after they were merged. */
  keepReplacedSeconds: number
}
