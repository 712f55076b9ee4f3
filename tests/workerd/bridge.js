// What a test asks for, done by a Worker: POST /<binding>/<method> with the arguments as JSON calls that method of
// that binding, and answers {"value": ...}, or {"error": ...} with the text of what it threw.
//
// What JSON lacks goes in objects with a member "$": {"$": "Uint8Array", "base64": "...", "times": 3} is an argument,
// {"$": "bytes", "base64": "..."} or {"$": "Map", "entries": [...]} a result.

// What a put may be given, made of the same bytes.
const SHAPES = {
  ArrayBuffer: (bytes) => bytes.buffer,
  Uint8Array: (bytes) => bytes,
  DataView: (bytes) => windowInto(bytes, (buffer, at, size) => new DataView(buffer, at, size)),
  window: (bytes) => windowInto(bytes, (buffer, at, size) => new Uint8Array(buffer, at, size)),
  // Its length is not known before its end, so it goes out chunked.
  stream: (bytes) => streamOf(bytes),
  // Its length is known, so it goes out with a content-length.
  sizedStream: (bytes) => streamOf(bytes).pipeThrough(new FixedLengthStream(bytes.length)),
  undefined: () => undefined,
};

// Above this a result is told by its size and hash.
const SHOWN_BYTES_MAX = 1 << 20;

export default {
  async fetch(request, env) {
    const [, binding, method] = new URL(request.url).pathname.split("/");
    const args = (await request.json()).map(revived);
    if (method === "together") {
      return Response.json(await Promise.all(args.map(([each, ...rest]) => called(env[binding], each, rest))));
    }
    return Response.json(await called(env[binding], method, args));
  },
};

async function called(kv, method, args) {
  try {
    return { value: await shown(await kv[method](...args)) };
  } catch (error) {
    return { error: String(error) };
  }
}

function revived(arg) {
  if (Array.isArray(arg)) return arg.map(revived);
  return arg?.$ ? SHAPES[arg.$](repeated(Uint8Array.fromBase64(arg.base64 ?? ""), arg.times ?? 1)) : arg;
}

function repeated(bytes, times) {
  if (times === 1) return bytes;
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}

// A view of these bytes in the middle of a larger buffer.
function windowInto(bytes, view) {
  const larger = new Uint8Array(bytes.length + 20).fill(0x77);
  larger.set(bytes, 10);
  return view(larger.buffer, 10, bytes.length);
}

function streamOf(bytes) {
  const PIECE = 1 << 16;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += PIECE)));
      else controller.close();
    },
  });
}

async function shown(result) {
  if (result instanceof ReadableStream) return shown(await new Response(result).arrayBuffer());
  if (result instanceof ArrayBuffer) return shownBytes(result);
  if (result instanceof Map) return { $: "Map", entries: [...result] };
  if (result !== null && typeof result === "object" && "value" in result && "metadata" in result) {
    return { ...result, value: await shown(result.value) };
  }
  return result;
}

async function shownBytes(buffer) {
  if (buffer.byteLength <= SHOWN_BYTES_MAX) return { $: "bytes", base64: new Uint8Array(buffer).toBase64() };
  const hash = await crypto.subtle.digest("SHA-256", buffer);
  return { $: "hash", size: buffer.byteLength, sha256: new Uint8Array(hash).toHex() };
}
