/* options.h - what a run is told on the command line: one table for parsing, defaults and --help.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "load/sizes.h"

#define OPTIONS_SERVERS_MAX 64
#define OPTIONS_PROBLEM_MAX 256
#define OPTIONS_WORDS_MAX   1000        /* keys of an MGET or MSET */
#define OPTIONS_PREFIX_MAX  256         /* bytes before a key's number */
#define OPTIONS_KEY_MAX     65536       /* bytes of a key */
#define OPTIONS_REQUEST_MAX (64u << 20) /* bytes of values in one request */

enum distribution { KEYS_UNIFORM, KEYS_ZIPF, KEYS_LATEST, KEYS_SEQUENTIAL };
enum arrivals { ARRIVALS_POISSON, ARRIVALS_CONSTANT };
enum workload { WORKLOAD_NONE, WORKLOAD_A, WORKLOAD_B, WORKLOAD_C, WORKLOAD_D, WORKLOAD_F };

struct server_address {
    char host[256];
    int port;
};

struct options {
    struct server_address servers[OPTIONS_SERVERS_MAX];
    uint64_t server_count;
    const char *user, *password;
    uint64_t dbnum;
    bool has_no_write_rate;

    uint64_t threads, connections, pipeline;
    double rate; /* requests a second, all together; 0 = as fast as the replies come */
    uint64_t arrivals;
    double seconds, warmup, drain;
    uint64_t requests; /* 0 = as many as fit into `seconds` */

    uint64_t keys;
    const char *key_prefix;
    uint64_t key_bytes;
    uint64_t distribution;
    double theta;
    uint64_t seed, run;

    uint64_t workload;
    double reads, inserts, rmws; /* percent of the requests; the rest writes keys that are there */
    uint64_t mget, mset;
    bool is_put;
    uint64_t meta_bytes;
    struct sizes value_bytes;
    double compressible; /* percent of each value */
    double ttl_share;    /* percent of the writes */
    uint64_t ttl_min, ttl_max;

    uint64_t load; /* keys to load, and then to end; 0 = a run */
    bool is_shuffled;

    const char *json;
    bool has_help;
};

/* Reads the words of a command line (without the program's name), which `options` borrows.  False,
 * with one sentence in `problem`, if something in it is wrong. */
bool options_parse(int count, char *const *words, struct options *options,
                   char problem[OPTIONS_PROBLEM_MAX]) MUST_USE;

void options_print_help(FILE *out);

/* "zipf" of KEYS_ZIPF. */
const char *options_distribution_name(uint64_t distribution);

#endif
