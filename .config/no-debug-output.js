// Replaces debug in the bundled https-proxy-agent, which prints the proxy's URL, including its
// password, if the environment variable DEBUG asks for it.

/** Creates a function that prints nothing. */
export default function createDebug() {
  return () => {}
}
