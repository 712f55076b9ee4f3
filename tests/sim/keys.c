#include "sim/keys.h"

#include <string.h>

static struct key table[KEYS_SLOTS];
static struct digest_keys digest_keys;

static void fill(struct key *key, int ns, int number)
{
    memset(key->ns, 'a' + ns, sizeof key->ns);
    key->text[0] = 'k';
    key->text[1] = (char)('0' + number / 10);
    key->text[2] = (char)('0' + number % 10);
    key->hash = digest_of_key(&digest_keys, key->ns, (struct bytes){key->text, KEYS_TEXT_SIZE});
    key->is_boundary = (key->hash.low & KEYS_LEAF_MASK) == 0;
}

void keys_init(void)
{
    digest_keys_derive(&digest_keys, bytes_of("the simulator's secret"));
    for (int slot = 0; slot < KEYS_SLOTS; slot++)
        fill(&table[slot], keys_ns_of(slot), slot % KEYS_PER_NS);
}

const struct key *keys_at(int slot)
{
    return &table[slot];
}

const struct digest_keys *keys_digest(void)
{
    return &digest_keys;
}

int keys_find(struct bytes ns, struct bytes key)
{
    int slot;

    if (key.size != KEYS_TEXT_SIZE)
        return -1;
    slot = (ns.data[0] - 'a') * KEYS_PER_NS + (key.data[1] - '0') * 10 + key.data[2] - '0';
    if (slot < 0 || slot >= KEYS_SLOTS || !bytes_equal(keys_text(slot), key))
        return -1;
    return memcmp(table[slot].ns, ns.data, DIGEST_NS_SIZE) == 0 ? slot : -1;
}

int keys_find_hash(uint64_t high)
{
    for (int slot = 0; slot < KEYS_SLOTS; slot++)
        if (table[slot].hash.high == high)
            return slot;
    return -1;
}
