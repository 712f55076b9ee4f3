#include "table.h"

#include <limits.h>
#include <stdio.h>

#define ANY      SIZE_MAX
#define ON(name) TABLE_ON(CLI_##name)
#define BULK     (ON(BULK_PUT) | ON(BULK_DELETE) | ON(BULK_GET) | ON(IMPORT))

enum { GROUP_EXPIRY = 1, GROUP_CONDITION, GROUP_PLACE };

/* clang-format off */
const struct option_row cli_options[CLI_OPTION_COUNT] = {
    /* name            value       type     letter commands     group  min max    help */
    [CLI_OPTION_HOST] =
    { "host",          "HOST",     VALUE_TEXT,     'h',  0,           GROUP_PLACE, 0, 0,
      "where the server is (127.0.0.1)" },
    [CLI_OPTION_PORT] =
    { "port",          "PORT",     VALUE_NUMBER,   'p',  0,           0, 1, 65535,
      "its port (6379)" },
    [CLI_OPTION_SOCKET] =
    { "socket",        "PATH",     VALUE_TEXT,     's',  0,           GROUP_PLACE, 0, 0,
      "its unix socket, instead of host and port" },
    [CLI_OPTION_SERVER] =
    { "server",        "HOST[:PORT],...", VALUE_TEXT, 0, 0,           GROUP_PLACE, 0, 0,
      "several servers, the one to prefer first: where one fails, the next is asked" },
    [CLI_OPTION_PASSWORD] =
    { "password",      "PASSWORD", VALUE_TEXT,     'a',  0,           0, 0, 0,
      "password; better set the environment variable GRAPEVINE_PASSWORD" },
    [CLI_OPTION_USER] =
    { "user",          "NAME",     VALUE_TEXT,     0,    0,           0, 0, 0,
      "user the password is for (default)" },
    [CLI_OPTION_NAMESPACE] =
    { "namespace",     "NAME",     VALUE_TEXT,     'n',  0,           0, 0, 0,
      "namespace to work in, by title or by number of database (0)" },
    [CLI_OPTION_TIMEOUT] =
    { "timeout",       "SECONDS",  VALUE_NUMBER,   0,    0,           0, 1, 86400,
      "try again for so long what may pass: lost connections, the write rate (bulk: 60)" },
    [CLI_OPTION_TLS] =
    { "tls",           NULL,       VALUE_NONE,     0,    0,           0, 0, 0,
      "speak TLS; the server's certificate must name it, unless --cacert or --cacertdir is given" },
    [CLI_OPTION_CACERT] =
    { "cacert",        "FILE",     VALUE_TEXT,     0,    0,           0, 0, 0,
      "certificates of the authorities to trust, instead of the system's" },
    [CLI_OPTION_CACERTDIR] =
    { "cacertdir",     "FOLDER",   VALUE_TEXT,     0,    0,           0, 0, 0,
      "a folder of such certificates, as openssl rehash leaves it" },
    [CLI_OPTION_CERT] =
    { "cert",          "FILE",     VALUE_TEXT,     0,    0,           0, 0, 0,
      "a certificate to show to the server" },
    [CLI_OPTION_KEY] =
    { "key",           "FILE",     VALUE_TEXT,     0,    0,           0, 0, 0,
      "its private key" },
    [CLI_OPTION_SNI] =
    { "sni",           "NAME",     VALUE_TEXT,     0,    0,           0, 0, 0,
      "the name to ask for, which the server's certificate must then have" },
    [CLI_OPTION_INSECURE] =
    { "insecure",      NULL,       VALUE_NONE,     0,    0,           0, 0, 0,
      "with --tls: trust any certificate" },
    [CLI_OPTION_JSON] =
    { "json",          NULL,       VALUE_NONE, 0,    0,           0, 0, 0,
      "answer with one JSON document; \"base64\": true beside what is not UTF-8" },
    [CLI_OPTION_HELP] =
    { "help",          NULL,       VALUE_NONE, 0,    0,           0, 0, 0,
      "explain the command" },
    [CLI_OPTION_VERSION] =
    { "version",       NULL,       VALUE_NONE, 0,    0,           0, 0, 0,
      "tell the version of this program" },
    [CLI_OPTION_TTL] =
    { "ttl",           "SECONDS",  VALUE_NUMBER,   0,    ON(PUT),     GROUP_EXPIRY, 1, LLONG_MAX,
      "let the key expire after so long" },
    [CLI_OPTION_EXPIRES_AT] =
    { "expires-at",    "UNIX",     VALUE_NUMBER,   0,    ON(PUT),     GROUP_EXPIRY, 1, LLONG_MAX,
      "let the key expire at this time, in seconds since 1970" },
    [CLI_OPTION_METADATA] =
    { "metadata",      "JSON",     VALUE_TEXT,     0,    ON(PUT),     0, 0, 0,
      "JSON to keep with the value" },
    [CLI_OPTION_IF_ABSENT] =
    { "if-absent",     NULL,       VALUE_NONE, 0,    ON(PUT),     GROUP_CONDITION, 0, 0,
      "only if there is no such key" },
    [CLI_OPTION_IF_EXISTS] =
    { "if-exists",     NULL,       VALUE_NONE, 0,    ON(PUT),     GROUP_CONDITION, 0, 0,
      "only if there is such a key" },
    [CLI_OPTION_IF_VERSION] =
    { "if-version",    "VERSION",  VALUE_TEXT,     0,    ON(PUT),     GROUP_CONDITION, 0, 0,
      "only if the key has this version; 0 = if there is none" },
    [CLI_OPTION_WITH_METADATA] =
    { "with-metadata", NULL,       VALUE_NONE, 0,    ON(GET) | ON(LIST) | ON(BULK_GET), 0, 0, 0,
      "show the metadata too; get also knows this as --metadata" },
    [CLI_OPTION_WITH_VALUES] =
    { "with-values",   NULL,       VALUE_NONE, 0,    ON(LIST),    0, 0, 0,
      "show the values too" },
    [CLI_OPTION_PREFIX] =
    { "prefix",        "PREFIX",   VALUE_TEXT,     0,    ON(LIST) | ON(EXPORT), 0, 0, 0,
      "only keys that begin so" },
    [CLI_OPTION_LIMIT] =
    { "limit",         "COUNT",    VALUE_NUMBER,   0,    ON(LIST),    0, 1, LLONG_MAX,
      "at most so many keys; a cursor to go on from is told on standard error" },
    [CLI_OPTION_CURSOR] =
    { "cursor",        "CURSOR",   VALUE_TEXT,     0,    ON(LIST),    0, 0, 0,
      "go on from where a list with --limit ended" },
    [CLI_OPTION_FAILED] =
    { "failed",        "FILE",     VALUE_TEXT,     0,    BULK,        0, 0, 0,
      "write there what the server refused, to be given to the same command again" },
    [CLI_OPTION_SKIP] =
    { "skip",          "COUNT",    VALUE_NUMBER,   0,    BULK,        0, 0, LLONG_MAX,
      "pass over so many at the front: those that a run before has done" },
    [CLI_OPTION_DRY_RUN] =
    { "dry-run",       NULL,       VALUE_NONE, 0,    BULK,        0, 0, 0,
      "only read the file and say whether it is well" },
    [CLI_OPTION_FROM_REDIS] =
    { "from-redis",    "URI",      VALUE_TEXT,     0,    ON(IMPORT),  0, 0, 0,
      "copy all strings of a Redis: redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]" },
};

const struct command_row cli_commands[CLI_COMMAND_COUNT] = {
    [CLI_PUT] =
    { "put", NULL, 1, 2, "KEY [VALUE | @FILE | -]",
      "Stores a value and prints its version.  Without VALUE, or with -, the value is read from\n"
      "standard input; so is one that begins with @ or is a dash." },
    [CLI_GET] =
    { "get", NULL, 1, 1, "KEY",
      "Prints the value as it is, byte by byte.  With metadata, lines on version, expiration and\n"
      "metadata and an empty line come first." },
    [CLI_META] =
    { "meta", NULL, 1, 1, "KEY",
      "Prints the metadata." },
    [CLI_LIST] =
    { "list", NULL, 0, 0, "",
      "Prints the keys in the order of their bytes, one a line; metadata and value follow after\n"
      "tabs.  What would not fit on a line is written as \\n, \\t, \\\\ or \\xFF." },
    [CLI_DELETE] =
    { "delete", NULL, 1, ANY, "KEY ...",
      "Deletes keys, all or none, and prints how many there were." },
    [CLI_BULK_PUT] =
    { "bulk", "put", 1, 1, "FILE | -",
      "Stores the pairs of a file of any size: a JSON array of objects with key, value and, if\n"
      "wanted, base64, metadata, expiration or expiration_ttl, as `wrangler kv bulk put` takes it,\n"
      "or one such object a line.  A key refused for its write rate is tried again in time; of\n"
      "several pairs with one key the last one stays." },
    [CLI_BULK_DELETE] =
    { "bulk", "delete", 1, 1, "FILE | -",
      "Deletes the keys of a file: a JSON array of names, or of objects with key or name; or one of\n"
      "these a line." },
    [CLI_BULK_GET] =
    { "bulk", "get", 1, 1, "FILE | -",
      "Prints a JSON object of the values of the keys in a file, which is as for bulk delete; null\n"
      "for a key that is not there." },
    [CLI_EXPORT] =
    { "export", NULL, 0, 1, "[FILE | -]",
      "Writes all keys with values, metadata and expirations, an object a line, as bulk put reads\n"
      "them: import brings back every byte." },
    [CLI_IMPORT] =
    { "import", NULL, 0, 1, "[FILE | -]",
      "Stores what export wrote, or what a Redis holds: --from-redis copies its strings with their\n"
      "times to live, and tells what other types there were." },
    [CLI_WATCH] =
    { "watch", NULL, 0, 1, "[PREFIX]",
      "Prints changes as they happen, of keys that begin with PREFIX, without a gap when the server is\n"
      "away for a while: put, delete, expire and the key; empty; reset, all keys anew, and synced." },
    [CLI_NAMESPACE_CREATE] =
    { "namespace", "create", 1, 1, "TITLE",
      "Makes an empty namespace." },
    [CLI_NAMESPACE_LIST] =
    { "namespace", "list", 0, 0, "",
      "Prints the titles of all namespaces." },
    [CLI_NAMESPACE_INFO] =
    { "namespace", "info", 1, 1, "TITLE",
      "Prints id, number of keys, bytes and limits." },
    [CLI_NAMESPACE_RENAME] =
    { "namespace", "rename", 2, 2, "TITLE NEW-TITLE",
      "Gives a namespace another title." },
    [CLI_NAMESPACE_DELETE] =
    { "namespace", "delete", 1, 1, "TITLE",
      "Deletes a namespace with all its keys." },
    [CLI_NAMESPACE_SET] =
    { "namespace", "set", 3, 3, "TITLE OPTION VALUE",
      "Gives a namespace a limit of its own, such as key-write-rate 0; the value default takes it\n"
      "back." },
    [CLI_NAMESPACE_GET] =
    { "namespace", "get", 1, 2, "TITLE [OPTION]",
      "Prints the limits that hold for a namespace, or one of them." },
    [CLI_STATUS] =
    { "status", NULL, 0, 0, "",
      "Prints the server's version, uptime, clients, keys and memory." },
    [CLI_PING] =
    { "ping", NULL, 0, 0, "",
      "Asks whether the server answers." },
    [CLI_HELP] =
    { "help", NULL, 0, 2, "[COMMAND]",
      "Explains everything, or one command." },
    [CLI_COMPLETION] =
    { "completion", NULL, 1, 1, "bash | zsh | fish",
      "Prints what makes the shell complete the words of this program." },
    [CLI_MANUAL] =
    { "manual", NULL, 0, 0, "",
      "Prints the manual page, for man." },
    [CLI_VERSION] =
    { "version", NULL, 0, 0, "",
      "Prints the version of this program." },
};

const struct exit_row cli_exits[] = {
    { CLI_EXIT_OK,          "done" },
    { CLI_EXIT_NOT_FOUND,   "no such key, or a condition of put did not hold" },
    { CLI_EXIT_USAGE,       "the command line makes no sense, or a file can't be read or written" },
    { CLI_EXIT_UNREACHABLE, "the server can't be reached" },
    { CLI_EXIT_REFUSED,     "the server answered with an error" },
    { CLI_EXIT_RATE,        "the write rate refused it: the error says when to try again" },
    { CLI_EXIT_INTERRUPTED, "interrupted" },
    { CLI_EXIT_OK,          NULL },
};
/* clang-format on */

void table_name(const struct command_row *row, char name[TABLE_NAME_MAX])
{
    snprintf(name, TABLE_NAME_MAX, "%s%s%s", row->word, row->second_word != NULL ? " " : "",
             row->second_word != NULL ? row->second_word : "");
}
