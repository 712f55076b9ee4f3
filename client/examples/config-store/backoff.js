// Tries again what failed for a reason that passes: at first soon, then ever later.
import { setTimeout as pause } from "node:timers/promises";
import Cloudflare from "cloudflare";

// Some keys of a bulk request were refused for now, such as those written less than a second ago.
export class RefusedForNow extends Error {}

// The wait doubles each time; half of it is by chance, so that many programs which failed together don't come
// back together.  What the server asks for in Retry-After is the least.
export async function withBackoff(attempt, { tries = 8, firstMs = 200, longestMs = 30_000 } = {}) {
  for (let tried = 1; ; tried++) {
    try {
      return await attempt();
    } catch (error) {
      if (tried === tries || !isTemporary(error)) throw error;
      const wholeMs = Math.min(longestMs, firstMs * 2 ** (tried - 1));
      const waitMs = Math.max(retryAfterMs(error), wholeMs * (1 + Math.random()) / 2);
      console.error(`${error.message} (trying again in ${Math.round(waitMs)} ms)`);
      await pause(waitMs);
    }
  }
}

function isTemporary(error) {
  return error instanceof RefusedForNow
    || error instanceof Cloudflare.APIConnectionError
    || error instanceof Cloudflare.RateLimitError
    || error instanceof Cloudflare.InternalServerError;
}

function retryAfterMs(error) {
  return 1000 * (Number(error.headers?.get("retry-after")) || 0);
}
