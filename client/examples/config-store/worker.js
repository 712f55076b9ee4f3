// A page in the language and colours that its reader has chosen, read from KV.
//
// Who the reader is stands in a cookie, user=17.  A real site would keep a session there: see ../sessions.

const DEFAULTS = { name: "", language: "en", theme: "light" };

const GREETINGS = {
  de: (name) => `Guten Tag${name && `, ${name}`}!`,
  en: (name) => `Hello${name && `, ${name}`}!`,
  fr: (name) => `Bonjour${name && ` ${name}`} !`,
};

export default {
  async fetch(request, env) {
    const { name, language, theme } = await settingsOf(userOf(request), env.SETTINGS);
    const greeting = (GREETINGS[language] ?? GREETINGS.en)(name);
    const page = `<!doctype html>
<html lang="${escaped(language)}">
<body class="${escaped(theme)}">
<h1>${escaped(greeting)}</h1>
</body>
</html>
`;
    return new Response(page, { headers: { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "private" } });
  },
};

function userOf(request) {
  const [, user] = /(?:^|;\s*)user=(\d+)\s*(?:;|$)/.exec(request.headers.get("Cookie") ?? "") ?? [];
  return user;
}

// The page is there for everyone, also for strangers and while no settings can be read.
async function settingsOf(user, settings) {
  if (!user) return DEFAULTS;
  try {
    return { ...DEFAULTS, ...(await settings.get(`user:${user}`, "json")) };
  } catch (error) {
    console.error(`settings of user ${user}: ${error.message}`);
    return DEFAULTS;
  }
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
