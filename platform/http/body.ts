import type { IncomingMessage } from 'node:http';
import { Problem, problems } from '../errors.ts';
import { parseJson } from '../json.ts';

/**
 * Reads a request body whole.
 * @param limit bytes at most; a declared or actual length above it is refused at once. What still comes is read and
 * dropped: a connection that is closed under a sender takes the answer with it.
 * @throws Problem 413 when it is longer; Problem 400 when the client goes away in the middle.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(problems.tooLarge(limit));
  // Whoever left before anybody listened tells nobody any more.
  if (request.destroyed) return Promise.reject(endedEarly());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else reject(problems.tooLarge(limit));
    });
    request.on('end', () =>
      resolve(chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks)),
    );
    request.on('error', () => reject(endedEarly()));
  });
}

function endedEarly(): Problem {
  return problems.malformed('the request ended before its body did');
}

/** Reads a JSON body. @throws Problem 415 for another content type, 413 when too long, 400 when it is no JSON. */
export async function readJson(request: IncomingMessage, limit: number): Promise<unknown> {
  const type = request.headers['content-type'];
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type ?? '')) {
    throw problems.unsupportedMediaType(type, 'application/json');
  }
  const encoding = request.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    throw new Problem(
      415,
      'Unsupported media type',
      `content-encoding "${encoding}" is not taken; send the body as it is`,
      {
        errors: [{ field: 'content-encoding', message: 'must be left out' }],
      },
    );
  }
  const body = await readBody(request, limit);
  try {
    return parseJson(body);
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw problems.malformed(`the body is no JSON: ${reason}`, [
      { field: 'body', message: 'must be JSON in UTF-8' },
    ]);
  }
}
