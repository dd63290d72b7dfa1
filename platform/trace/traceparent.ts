// W3C Trace Context, section 3.2: version, trace id, parent id, flags; ids of zeros and version ff are invalid.
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

/** The trace that a message belongs to. Only what is well-formed goes on: it is copied into everything that follows. */
export function traceOf(traceparent: string | undefined): { readonly traceparent?: string } {
  return traceparent !== undefined && TRACEPARENT.test(traceparent) ? { traceparent } : {};
}
